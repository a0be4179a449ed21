"use strict";
// Building elements from text (never from markup), and the page's colours as the present colour scheme has them.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const NAMED = 8;
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

// Few settings get colours that are easy to tell apart; many get an ordered scale, kept off the page's own shade.
function strandColour(index, total) {
  if (total <= NAMED) return colour("c" + index);
  const share = (dark.matches ? 0.25 : 0) + 0.75 * index / (total - 1);
  const place = Math.min(share * (VIRIDIS.length - 1), VIRIDIS.length - 1.001);
  const below = VIRIDIS[Math.floor(place)], above = VIRIDIS[Math.floor(place) + 1], part = place % 1;
  return "#" + below.map((v, i) => Math.round(v + part * (above[i] - v)).toString(16).padStart(2, "0")).join("");
}

function short(value, digits = 4) {
  if (value == null) return "–";
  const round = Number(value.toPrecision(digits)), far = Math.abs(round) >= 1e6 || Math.abs(round) < 1e-3;
  return round !== 0 && far ? Number(value.toPrecision(3)).toExponential() : String(round);
}

function legend(entries) {
  const list = element("ul", {class: "legend"});
  for (const [shape, mark, text] of entries) {
    const swatch = element("span", {class: "swatch " + shape});
    swatch.style.setProperty("--mark", "var(--" + mark + ")");
    list.append(element("li", {}, swatch, element("span", {}, text)));
  }
  return list;
}

// The settings of a run, each in the colour it has in every picture.
function strandLegend(labels) {
  const list = element("ul", {class: "legend"});
  labels.forEach((label, i) => {
    const swatch = element("span", {class: "swatch line"});
    const paint = () => swatch.style.setProperty("--mark", strandColour(i, labels.length));
    paint();
    dark.addEventListener("change", paint);
    list.append(element("li", {}, swatch, element("span", {}, label)));
  });
  return list;
}

// A canvas of `width` by `height` CSS pixels, sharp on any screen.
function prepare(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

function int16(text) {
  const raw = atob(text), view = new DataView(new ArrayBuffer(raw.length));
  for (let i = 0; i < raw.length; i++) view.setUint8(i, raw.charCodeAt(i));
  return Float64Array.from({length: raw.length / 2}, (_, i) => view.getInt16(2 * i, true));
}
