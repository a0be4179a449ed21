// Level sets of values on a grid: a tint by sign and size, and lines where the values cross a level.

// Each cell's edges, as pairs of corners; corner k is at (column + k % 2, row + (k >> 1)).
const EDGES = [[0, 1], [0, 2], [1, 3], [2, 3]];

function contour(context, values, grid, level, place) {
  context.beginPath();
  for (let row = 0; row + 1 < grid; row++) {
    for (let column = 0; column + 1 < grid; column++) {
      const at = k => values[(row + (k >> 1)) * grid + column + k % 2] - level;
      const crossings = [];
      for (const [a, b] of EDGES) {
        const from = at(a), to = at(b);
        if ((from < 0) === (to < 0)) continue;
        const t = from / (from - to);
        crossings.push([column + a % 2 + t * (b % 2 - a % 2), row + (a >> 1) + t * ((b >> 1) - (a >> 1))]);
      }
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        context.moveTo(...place(...crossings[i]));
        context.lineTo(...place(...crossings[i + 1]));
      }
    }
  }
  context.stroke();
}

function tint(values, grid) {
  const image = new ImageData(grid, grid);
  const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-12);
  const high = colour("field-high").split(",").map(Number), low = colour("field-low").split(",").map(Number);
  values.forEach((value, i) => {
    const row = grid - 1 - Math.floor(i / grid), spot = 4 * (row * grid + i % grid);
    const shade = value > 0 ? high : low;
    image.data.set([...shade, Math.round(110 * Math.sqrt(Math.abs(value) / largest))], spot);
  });
  const canvas = element("canvas", {width: grid, height: grid});
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// `values` row by row, upwards; the grid's first and last nodes lie on the edges of the picture.
function levelSets(context, view, values, grid) {
  const across = (view.right - view.left) / (grid - 1), up = (view.bottom - view.top) / (grid - 1);
  context.imageSmoothingEnabled = true;
  context.drawImage(tint(values, grid), view.left - across / 2, view.top - up / 2, across * grid, up * grid);
  const place = (column, row) => [view.left + column * across, view.bottom - row * up];
  const sorted = Float64Array.from(values).sort();
  context.strokeStyle = colour("soft");
  context.globalAlpha = 0.45;
  context.lineWidth = 1;
  for (let tenth = 1; tenth < 10; tenth++) {
    contour(context, values, grid, sorted[Math.floor(tenth / 10 * (sorted.length - 1))], place);
  }
  context.globalAlpha = 0.9;
  context.lineWidth = 2;
  contour(context, values, grid, 0, place);
  context.globalAlpha = 1;
}
