// One chart a measured key; each strand is a median line with its band, in the same colour everywhere.

const WHOLE = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].flatMap(k => [1, 2, 5].map(v => v * 10 ** k));
const HEIGHT = 240, MOST_PLACES = 1200;

function options({chart, box, reading}, scale, axis, places, strands, shown, whole) {
  const series = [{}], bands = [];
  for (const one of chart.series) {
    const stroke = strandColour(one.strand, strands.length), show = shown[one.strand];
    const edge = {stroke: "transparent", width: 0, show, spanGaps: axis.key !== "step", points: {show: false}};
    const lone = one.middle.filter(v => v !== null).length === 1;
    series.push({...edge}, {...edge}, {stroke, width: 2, show, spanGaps: true, points: {show: lone, size: 7, fill: stroke}});
    bands.push({series: [series.length - 3, series.length - 2], fill: stroke + "2e"});
  }
  const font = "13px system-ui, sans-serif", line = {stroke: colour("line"), width: 1};
  const rule = {stroke: colour("soft"), font, labelFont: font, grid: line, ticks: line};
  return {
    width: box.clientWidth, height: HEIGHT, series, bands,
    scales: {x: {time: false}, y: {range: (_, low, high) => whole ? room(0, 1) : room(low, high)}},
    legend: {show: false},
    cursor: {sync: {key: axis.key}, points: {show: false}},
    axes: [
      {...rule, ...(axis.key === "train_seconds" ? {} : {incrs: WHOLE}), label: axis.unit, labelSize: 20, size: 34, values: (_, marks) => marks.map(v => v.toLocaleString("en"))},
      {...rule, size: 62, splits: (_, __, low, high) => scale.marks(low, high), values: (_, marks) => marks.map(mark => written(chart, scale.value(mark), 6))},
    ],
    hooks: {setCursor: [plot => { reading.textContent = read(chart, axis, places[plot.cursor.idx], strands, shown); }]},
  };
}

// The shares on show and a margin around them, also when only a part of the steps is looked at.
function room(low, high) {
  if (low == null) return [0, 1];
  const pad = high > low ? 0.06 * (high - low) : 0.5;
  return [low - pad, high + pad];
}

// Where each of a series' points lies on the axis; null where it is not known.
function placesOf(chart, one, axis) {
  return axis.key === "step" ? chart.steps : one.at[axis.key];
}

// A number of a chart as text: shares in percent.
function written(chart, value, digits = 4) {
  return value != null && chart.share ? short(100 * value, digits) + " %" : short(value, digits);
}

function read(chart, axis, place, strands, shown) {
  if (place == null) return "";
  const parts = chart.series.filter(one => shown[one.strand]).map(one => {
    const i = lastWithin(placesOf(chart, one, axis), one.middle, place, axis.key === "step");
    const name = strands.length > 1 ? strands[one.strand] + ": " : "";
    return i < 0 ? null : name + written(chart, one.middle[i]) + " [" + written(chart, one.low[i]) + ", " + written(chart, one.high[i]) + "]";
  }).filter(part => part !== null).slice(0, 4);
  const value = place.toLocaleString("en", {maximumSignificantDigits: axis.key === "step" ? 21 : 6});
  return (axis.key === "step" ? "step " + value : value + " " + axis.unit) + " · " + parts.join(" · ");
}

// The last point that is no further than `place` (at a step: exactly there), as the table at equal cost reads it.
function lastWithin(places, values, place, exactly) {
  let found = -1;
  places.forEach((at, i) => {
    if (at !== null && values[i] !== null && (exactly ? at === place : at <= place)) found = i;
  });
  return found;
}

// All lines over the places of all series together: between its own points each goes straight on, outside it is absent.
function joined(chart, axis, share) {
  const lines = chart.series.flatMap(one => [one.high, one.low, one.middle]);
  if (axis.key === "step") return [chart.steps, ...lines.map(line => line.map(share))];
  const all = chart.series.flatMap(one => placesOf(chart, one, axis).filter((at, i) => at !== null && one.middle[i] !== null));
  const union = [...new Set(all)].sort((a, b) => a - b), every = Math.ceil(union.length / MOST_PLACES);
  const places = union.filter((_, i) => i % every === 0 || i === union.length - 1);
  return [places, ...chart.series.flatMap(one => [one.high, one.low, one.middle].map(line =>
    straight(placesOf(chart, one, axis), line.map(share), places)))];
}

function straight(own, shares, places) {
  const points = own.map((at, i) => [at, shares[i]]).filter(([at, v]) => at !== null && v !== null).sort((a, b) => a[0] - b[0]);
  let next = 0;
  return places.map(place => {
    while (next < points.length && points[next][0] < place) next++;
    if (next === points.length) return null;
    const [x1, y1] = points[next];
    if (x1 === place) return y1;
    if (next === 0) return null;
    const [x0, y0] = points[next - 1];
    return y0 + (y1 - y0) * (place - x0) / (x1 - x0);
  });
}

// What a chart shows, for those who cannot see it: where each line begins and ends.
function spoken(chart, axis, strands) {
  return chart.series.map(one => {
    const known = one.middle.filter(v => v !== null), name = strands.length > 1 ? strands[one.strand] + " " : "";
    return name + "from " + written(chart, known[0]) + " to " + written(chart, known[known.length - 1]);
  }).join("; ");
}

function curves(curves) {
  const host = document.getElementById("charts"), log = document.getElementById("log");
  if (!host) return;
  const shown = curves.strands.map(() => true), drawn = [], against = document.getElementById("against");

  function draw(entry) {
    if (entry.plot) entry.plot.destroy();
    const lines = entry.chart.series.flatMap(one => [one.high, one.low, one.middle]);
    const whole = Boolean(entry.chart.top) && !log.checked;  // of what is counted the axis shows all there is
    const scale = verticalScale([...lines.flat().filter(v => v !== null), ...(whole ? [0, entry.chart.top] : [])], log.checked);
    const key = against ? against.value : "step", axis = {key, unit: curves.axes[key]};
    const data = joined(entry.chart, axis, scale.share);
    entry.target.setAttribute("aria-label", entry.chart.title + " against " + axis.unit + (entry.chart.meaning ? ": " + entry.chart.meaning : "") + ". " + spoken(entry.chart, axis, curves.strands));
    entry.plot = new uPlot(options(entry, scale, axis, data[0], curves.strands, shown, whole), data, entry.target);
  }
  function redraw() { drawn.forEach(draw); }

  for (const family of new Set(curves.charts.map(chart => chart.family))) {
    const grid = element("div", {class: "charts"});
    host.append(element("h3", {}, family), grid);
    for (const chart of curves.charts.filter(one => one.family === family)) {
      const reading = element("p", {class: "reading", "aria-live": "off"}), target = element("div", {role: "img"});
      const box = element("div", {class: "chart"}, element("h4", chart.meaning ? {title: chart.meaning} : {}, chart.title), reading, target);
      grid.append(box);
      drawn.push({chart, box, target, reading, plot: null});
    }
  }
  const pooled = Math.max(...curves.charts.map(chart => chart.pooled));
  if (pooled > 1) host.append(element("p", {class: "note"}, "Each point pools up to " + pooled + " logged steps."));
  strandSwitches(curves, shown, redraw);
  redraw();
  log.addEventListener("change", redraw);
  if (against) against.addEventListener("change", redraw);
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
