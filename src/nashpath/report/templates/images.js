// Sheets of images through training, the real ones beside.

function imagesFilm(host, film) {
  const prefix = "data:image/png;base64,";
  const picture = element("img", {id: "sheet"});
  const absent = element("p", {class: "absent"}, "This member saved no samples at this step.");
  const generated = element("figure", {}, picture, absent, element("figcaption", {}, "Generated."));
  const stage = element("div", {class: "stage"}, generated);
  const like = element("img", {});
  const nearest = element("figure", {}, like, element("figcaption", {}, "The nearest to each, in pixels, of " + film.among + " real ones."));
  let real = null;
  if (film.nearest.some(Boolean)) stage.append(nearest);
  if (film.real) {
    real = element("img", {src: prefix + film.real, alt: "Real samples"});
    stage.append(element("figure", {}, real, element("figcaption", {}, "Real.")));
  }
  const words = (film.by_class ? "One row a class" + (film.classes && ", from the top: " + film.classes) + "; a column has one latent. " : "")
    + (film.steps.length > 1 ? "Move the slider to see earlier steps." : "");
  host.append(stage, element("p", {class: "note"}, words + leftOut(film)));

  // Whole numbers of the screen's pixels for each of the sheet's keep them square and even.
  function size(image) {
    if (!image || !image.naturalWidth) return;
    const beside = 1 + Boolean(film.real) + film.nearest.some(Boolean);
    const room = Math.min(host.clientWidth, Math.max(280, (host.clientWidth - 22 * (beside - 1)) / beside), 540);
    const ratio = window.devicePixelRatio || 1, factor = Math.floor(room * ratio / image.naturalWidth) / ratio;
    image.style.width = (factor > 0 ? factor * image.naturalWidth : room) + "px";
  }
  for (const image of [picture, like, real]) if (image) image.addEventListener("load", () => size(image));
  player(host, film.steps, memberChoices(film), (frame, member) => {
    const sheet = film.sheets[frame][member];
    picture.hidden = !sheet;
    absent.hidden = Boolean(sheet);
    if (sheet) picture.src = prefix + sheet;
    picture.alt = "Samples of " + film.members[member].label + " at step " + film.steps[frame];
    const found = frame === film.sheets.length - 1 && film.nearest[member];
    nearest.hidden = !found;
    if (found) like.src = prefix + found;
    like.alt = "Real samples nearest to those of " + film.members[member].label;
    size(picture);
    size(like);
    size(real);
  });
}
