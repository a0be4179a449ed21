// A plane with ticks: where a value lies in pixels, and the frame around the picture.

function ticks(low, high, wanted) {
  const raw = (high - low) / wanted;
  if (!(raw > 1e-12 * Math.max(Math.abs(low), Math.abs(high)))) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= raw * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-12) + 1e-12 * step; k++) found.push(k * step);
  return found;
}

function plane(extent, width, height) {
  const [left, right, top, bottom] = [52, width - 8, 8, height - 42];
  const [x0, x1, y0, y1] = extent;
  return {
    extent, left, right, top, bottom,
    x: value => left + (value - x0) / (x1 - x0) * (right - left),
    y: value => bottom - (value - y0) / (y1 - y0) * (bottom - top),
    clip(context) {
      context.beginPath();
      context.rect(left, top, right - left, bottom - top);
      context.clip();
    },
  };
}

function frameAxes(context, view, names) {
  const [x0, x1, y0, y1] = view.extent;
  context.strokeStyle = colour("line");
  context.lineWidth = 1;
  context.strokeRect(view.left, view.top, view.right - view.left, view.bottom - view.top);
  context.fillStyle = colour("soft");
  context.font = "13px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const value of ticks(x0, x1, 5)) context.fillText(short(Number(value.toPrecision(6))), view.x(value), view.bottom + 5);
  context.fillText(names[0], (view.left + view.right) / 2, view.bottom + 22);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(y0, y1, 5)) context.fillText(short(Number(value.toPrecision(6))), view.left - 6, view.y(value));
  context.save();
  context.translate(11, (view.top + view.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(names[1], 0, 0);
  context.restore();
}
