// One chart a measured key; each strand is a median line with its band, in the same colour everywhere.

const WHOLE = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].flatMap(k => [1, 2, 5].map(v => v * 10 ** k));
const HEIGHT = 240;

function options({chart, box, reading}, scale, strands, shown) {
  const series = [{}], bands = [];
  for (const one of chart.series) {
    const stroke = strandColour(one.strand, strands.length), show = shown[one.strand];
    const edge = {stroke: "transparent", width: 0, show, points: {show: false}};
    const lone = one.middle.filter(v => v !== null).length === 1;
    series.push({...edge}, {...edge}, {stroke, width: 2, show, spanGaps: true, points: {show: lone, size: 7, fill: stroke}});
    bands.push({series: [series.length - 3, series.length - 2], fill: stroke + "2e"});
  }
  const font = "12px system-ui, sans-serif", rule = {stroke: colour("line"), width: 1};
  const axis = {stroke: colour("soft"), font, labelFont: font, grid: rule, ticks: rule};
  return {
    width: box.clientWidth, height: HEIGHT, series, bands,
    scales: {x: {time: false}, y: {range: (_, low, high) => room(low, high)}},
    legend: {show: false},
    cursor: {sync: {key: "step"}, points: {show: false}},
    axes: [
      {...axis, incrs: WHOLE, label: "step", labelSize: 20, size: 34, values: (_, marks) => marks.map(v => v.toLocaleString("en"))},
      {...axis, size: 62, splits: (_, __, low, high) => scale.marks(low, high), values: (_, marks) => marks.map(scale.label)},
    ],
    hooks: {setCursor: [plot => { reading.textContent = read(chart, plot.cursor.idx, strands, shown); }]},
  };
}

// The shares on show and a margin around them, also when only a part of the steps is looked at.
function room(low, high) {
  if (low == null) return [0, 1];
  const pad = high > low ? 0.06 * (high - low) : 0.5;
  return [low - pad, high + pad];
}

function read(chart, index, strands, shown) {
  if (index == null) return "";
  const parts = chart.series.filter(one => shown[one.strand] && one.middle[index] !== null).slice(0, 4).map(one => {
    const name = strands.length > 1 ? strands[one.strand] + ": " : "";
    return name + short(one.middle[index]) + " [" + short(one.low[index]) + ", " + short(one.high[index]) + "]";
  });
  return "step " + chart.steps[index].toLocaleString("en") + " · " + parts.join(" · ");
}

function curves(curves) {
  const host = document.getElementById("charts"), log = document.getElementById("log");
  if (!host) return;
  const shown = curves.strands.map(() => true), drawn = [];

  function draw(entry) {
    if (entry.plot) entry.plot.destroy();
    const lines = entry.chart.series.flatMap(one => [one.high, one.low, one.middle]);
    const scale = verticalScale(lines.flat().filter(v => v !== null), log.checked);
    const data = [entry.chart.steps, ...lines.map(line => line.map(scale.share))];
    entry.plot = new uPlot(options(entry, scale, curves.strands, shown), data, entry.target);
  }
  function redraw() { drawn.forEach(draw); }

  for (const family of new Set(curves.charts.map(chart => chart.family))) {
    const grid = element("div", {class: "charts"});
    host.append(element("h3", {}, family), grid);
    for (const chart of curves.charts.filter(one => one.family === family)) {
      const reading = element("p", {class: "reading", "aria-live": "off"}), target = element("div", {role: "img", "aria-label": chart.title + " against the step"});
      const box = element("div", {class: "chart"}, element("h4", {}, chart.title), reading, target);
      grid.append(box);
      drawn.push({chart, box, target, reading, plot: null});
    }
  }
  const pooled = Math.max(...curves.charts.map(chart => chart.pooled));
  if (pooled > 1) host.append(element("p", {class: "note"}, "Each point pools up to " + pooled + " logged steps."));
  strandSwitches(curves, shown, redraw);
  redraw();
  log.addEventListener("change", redraw);
  dark.addEventListener("change", redraw);
  let width = host.clientWidth;
  new ResizeObserver(() => {
    if (host.clientWidth === width) return;
    width = host.clientWidth;
    drawn.forEach(entry => entry.plot.setSize({width: entry.box.clientWidth, height: HEIGHT}));
  }).observe(host);
}

function strandSwitches(curves, shown, redraw) {
  const total = curves.strands.length;
  if (total < 2) return;
  const host = document.getElementById("strands");
  curves.strands.forEach((label, i) => {
    const box = element("input", {type: "checkbox"}), line = element("i");
    box.checked = true;
    const paint = () => line.style.setProperty("--mark", strandColour(i, total));
    paint();
    dark.addEventListener("change", paint);
    box.addEventListener("change", () => { shown[i] = box.checked; redraw(); });
    host.append(element("label", {}, box, line, label));
  });
}
