// The path of a toy game's parameters, from its start (ring) to where it stands (square).

// A path that runs away would leave every other one a dot: such a picture is cut at ten times the usual size (where the
// equilibrium is known: at ten times the distance of the farthest start from it).
function viewOf(film, chosen) {
  const spots = chosen.flatMap(place => film.paths[place].filter(Boolean));
  if (!spots.length) return {extent: [-1, 1, -1, 1], cut: false};
  const centre = film.equilibrium, starts = chosen.map(place => film.paths[place].find(Boolean)).filter(Boolean);
  const far = centre && 10 * Math.max(...starts.map(([x, y]) => Math.hypot(x - centre[0], y - centre[1])));
  const ranges = [0, 1].map(axis => spots.map(spot => spot[axis]).sort((a, b) => a - b)).map((sorted, axis) => {
    const low = sorted[0], high = sorted[sorted.length - 1];
    const quarter = sorted[Math.floor(sorted.length / 4)], three = sorted[Math.floor(sorted.length * 3 / 4)];
    const reach = 10 * (three - quarter);
    if (far) {
      const ends = [Math.max(low, centre[axis] - far), Math.min(high, centre[axis] + far)];
      return [...ends, ends[0] > low || ends[1] < high];
    }
    return reach > 0 && high - low > 10 * reach ? [quarter - reach, three + reach, true] : [low, high, false];
  });
  const half = Math.max(...ranges.map(([low, high]) => (high - low) / 2), 1e-9);
  const edges = ranges.flatMap(([low, high], axis) => {
    const own = film.axes[0] === "step" ? Math.max((high - low) / 2, 1e-9) : half;
    return [(low + high) / 2 - 1.1 * own, (low + high) / 2 + 1.1 * own];
  });
  return {extent: edges, cut: ranges.some(range => range[2])};
}

// Settings have the colour they have in the curves; members that differ in the seed alone have one each.
function pathColour(film, place) {
  const total = film.strands.length;
  return total > 1 ? strandColour(film.members[place].strand, total) : strandColour(place, film.members.length);
}

// Points too far apart to say what lies between them are not joined.
function path(context, view, spots, stroke, coarse) {
  context.strokeStyle = context.fillStyle = stroke;
  context.lineWidth = 1.6;
  context.beginPath();
  for (const [x, y] of spots) {
    if (coarse) context.fillRect(view.x(x) - 1.5, view.y(y) - 1.5, 3, 3);
    else context.lineTo(view.x(x), view.y(y));
  }
  context.stroke();
  const [first, last] = [spots[0], spots[spots.length - 1]];
  context.lineWidth = 2.5;
  context.beginPath();
  context.arc(view.x(first[0]), view.y(first[1]), 6, 0, 2 * Math.PI);
  context.stroke();
  context.fillRect(view.x(last[0]) - 5, view.y(last[1]) - 5, 10, 10);
}

function cross(context, x, y) {
  context.strokeStyle = colour("ink");
  context.lineWidth = 2;
  context.beginPath();
  for (const [dx, dy] of [[8, 0], [0, 8]]) { context.moveTo(x - dx, y - dy); context.lineTo(x + dx, y + dy); }
  context.stroke();
}

function trajectoryFilm(host, film) {
  const canvas = element("canvas", {id: "picture", role: "img"});
  const note = element("p", {class: "note"});
  const marks = [["ring", "ink", "start"], ["square", "ink", "position at the step shown"]];
  if (film.equilibrium) marks.push(["plus", "ink", "known point"]);
  const aside = element("div", {class: "aside"}, legend(marks), note,
    element("p", {class: "note"}, (film.axes[0] === "step" ? "One line a member." : "One line a member, in the plane of the first coordinates of the players' strategies.")
      + (film.coarse.some(Boolean) ? " Dots without a line: the path turned too far between two saved steps to say how it went; a smaller sample_every shows it." : "") + leftOut(film)));
  if (film.strands.length > 1) aside.prepend(strandLegend(film.strands));
  host.append(element("div", {class: "stage"}, element("figure", {}, canvas), aside));
  const places = film.members.map((_, place) => place);
  const choices = [[-1, "all members"], ...memberChoices(film)];

  player(host, film.steps, film.members.length > 1 ? choices : memberChoices(film), (frame, member) => {
    const chosen = member < 0 ? places : [member];
    const side = Math.min(host.clientWidth, 600), {extent, cut} = viewOf(film, chosen);
    const context = prepare(canvas, side, side), view = plane(extent, side, side - 10);
    context.save();
    view.clip(context);
    let drawn = 0;
    for (const place of chosen) {
      const spots = film.paths[place].slice(0, frame + 1).filter(Boolean);
      if (spots.length) { path(context, view, spots, pathColour(film, place), film.coarse[place]); drawn++; }
    }
    if (film.equilibrium) cross(context, view.x(film.equilibrium[0]), view.y(film.equilibrium[1]));
    context.restore();
    frameAxes(context, view, film.axes);
    note.textContent = drawn + (drawn === 1 ? " path" : " paths") + " up to step " + film.steps[frame].toLocaleString("en") + "."
      + (cut ? " Far excursions are cut off." : "");
    canvas.setAttribute("aria-label", note.textContent);
  });
}
