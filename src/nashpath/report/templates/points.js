// Generated points over the discriminator's level sets, with the real points and the centres of the modes.

// Saved points as pairs of coordinates; `reach` half-widths of the picture are the largest that can be saved.
function unpacked(text, film) {
  const [x0, x1, y0, y1] = film.extent;
  return int16(text).map((v, i) => i % 2
    ? (y0 + y1) / 2 + v / 32767 * film.reach * (y1 - y0) / 2
    : (x0 + x1) / 2 + v / 32767 * film.reach * (x1 - x0) / 2);
}

// Draws points and returns how many of them lie outside the picture.
function dots(context, view, points, fill, radius, alpha) {
  const [x0, x1, y0, y1] = view.extent;
  context.fillStyle = fill;
  context.globalAlpha = alpha;
  let outside = 0;
  for (let i = 0; i < points.length; i += 2) {
    if (points[i] < x0 || points[i] > x1 || points[i + 1] < y0 || points[i + 1] > y1) outside++;
    context.beginPath();
    context.arc(view.x(points[i]), view.y(points[i + 1]), radius, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
  return outside;
}

function crosses(context, view, centres) {
  context.strokeStyle = colour("ink");
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [cx, cy] of centres) {
    const x = view.x(cx), y = view.y(cy);
    context.moveTo(x - 6, y); context.lineTo(x + 6, y);
    context.moveTo(x, y - 6); context.lineTo(x, y + 6);
  }
  context.stroke();
}

// A flow's velocity: one arrow a grid point, row by row upwards, of [angle in degrees, share of the longest].
function arrows(context, view, field) {
  const [x0, x1, y0, y1] = view.extent, side = Math.sqrt(field.length);
  const longest = 0.9 * (view.x(x1) - view.x(x0)) / (side - 1);
  context.strokeStyle = colour("soft");
  context.lineWidth = 1;
  context.beginPath();
  field.forEach(([degrees, share], i) => {
    const x = view.x(x0 + (x1 - x0) * (i % side) / (side - 1)), y = view.y(y0 + (y1 - y0) * Math.floor(i / side) / (side - 1));
    const turn = degrees * Math.PI / 180, length = longest * share;
    const tipX = x + length * Math.cos(turn), tipY = y - length * Math.sin(turn);
    context.moveTo(x, y);
    context.lineTo(tipX, tipY);
    for (const barb of [2.6, -2.6]) {
      context.moveTo(tipX, tipY);
      context.lineTo(tipX + 0.3 * length * Math.cos(turn + barb), tipY - 0.3 * length * Math.sin(turn + barb));
    }
  });
  context.stroke();
}

function logits(frame) {
  return int16(frame.levels).map(q => Math.sinh(frame.low + (q + 32767) / 65534 * (frame.high - frame.low)));
}

// What is drawn: samples of a generator, or the particles of a flow.
function drawnPoints() {
  return data.flowing ? "particles" : "generated samples";
}

function pointsCaption(film, anyLevels) {
  const told = anyLevels
    ? "Blue shade: logit above 0; orange shade: below 0 (a discriminator that classifies takes points there for real, "
      + "or for generated); the stronger, the further from 0 within this picture. Thin lines lie at the tenths of the logits in the picture."
    : "The discriminator's level sets were not saved.";
  return told + (film.said && " " + film.said) + leftOut(film);
}

function pointsFilm(host, film) {
  const canvas = element("canvas", {id: "picture", role: "img"});
  const note = element("p", {class: "note"});
  const anyLevels = film.frames.some(members => members.some(frame => frame && frame.levels));
  const marks = [["", "fake", data.flowing ? "particles" : "generated"]];
  if (film.real) marks.push(["", "real", "real"]);
  if (film.centres.length) marks.push(["plus", "ink", "centres of the modes"]);
  if (anyLevels) marks.push(["line", "soft", "level lines of the discriminator's logit; thick where it is 0"]);
  const aside = element("div", {class: "aside"}, legend(marks), note, element("p", {class: "note"}, pointsCaption(film, anyLevels)));
  host.append(element("div", {class: "stage"}, element("figure", {}, canvas), aside));

  if (film.frames.some(members => members.some(frame => frame && frame.arrows))) {
    aside.append(element("p", {class: "note"}, "Arrows: the velocity of the flow; their lengths are compressed (inverse hyperbolic sine)."));
  }
  const real = film.real ? unpacked(film.real, film) : [];
  player(host, film.steps, memberChoices(film), (step, member) => {
    const side = Math.min(host.clientWidth, 600), height = side - 10;
    const context = prepare(canvas, side, height), view = plane(film.extent, side, height);
    const frame = film.frames[step][member];
    context.save();
    view.clip(context);
    if (frame && frame.levels) levelSets(context, view, logits(frame), film.grid);
    if (frame && frame.arrows) arrows(context, view, frame.arrows);
    dots(context, view, real, colour("real"), 1.6, 0.5);
    const points = frame ? unpacked(frame.points, film) : [];
    const outside = dots(context, view, points, colour("fake"), 2.4, 0.85);
    crosses(context, view, film.centres);
    context.restore();
    frameAxes(context, view, film.axes);
    const said = frame
      ? points.length / 2 + " " + drawnPoints() + ", " + (outside ? outside + " of them outside the picture" : "all inside the picture")
      : "This member saved no samples at this step";
    note.textContent = said + (frame && frame.lost ? "; " + frame.lost + " more are not finite." : ".");
    canvas.setAttribute("aria-label", film.members[member].label + " at step " + film.steps[step] + ": " + note.textContent);
  });
}
