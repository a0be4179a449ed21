// How values of a chart lie on its vertical axis: on a linear or a logarithmic scale, as shares between 0 and 1.
// (The chart itself sees shares only, so that no size of the values can upset it.)

const LINEAR = {to: v => v, from: f => f, marks: (low, high) => ticks(low, high, 5)};

const LOGARITHMIC = {
  to: Math.log10,
  from: f => 10 ** f,
  marks(low, high) {
    const found = decades(low, high);
    return (found.length > 2 ? found : ticks(10 ** low, 10 ** high, 5).filter(v => v > 0)).map(Math.log10);
  },
};

// Where values change sign: linear up to `size`, logarithmic beyond, for either sign.
function symmetric(size) {
  const to = v => Math.asinh(v / size), from = f => size * Math.sinh(f);
  return {
    to, from,
    marks(low, high) {
      const most = Math.log10(Math.max(Math.abs(from(low)), Math.abs(from(high)), size));
      const powers = decades(Math.log10(size), most);
      const found = [...powers.map(v => -v).reverse(), 0, ...powers].map(to).filter(f => f >= low && f <= high);
      return found.length > 2 ? found : ticks(from(low), from(high), 5).map(to);
    },
  };
}

// Powers of ten between two exponents, at most about six.
function decades(low, high) {
  const every = Math.max(1, Math.ceil((high - low) / 6)), found = [];
  for (let k = Math.ceil(low / every) * every; k <= high; k += every) found.push(10 ** k);
  return found;
}

function chosenScale(values, logarithmic) {
  if (!logarithmic) return LINEAR;
  if (values.every(v => v > 0)) return LOGARITHMIC;
  const sizes = values.map(Math.abs).filter(v => v > 0).sort((a, b) => a - b);
  return symmetric(sizes.length ? sizes[Math.floor(sizes.length / 10)] : 1);
}

function verticalScale(values, logarithmic) {
  const shape = chosenScale(values, logarithmic), placed = values.map(shape.to);
  let low = placed.reduce((a, b) => Math.min(a, b)), high = placed.reduce((a, b) => Math.max(a, b));
  if (low === high) {
    const pad = Math.abs(low) * 0.1 || 1;
    low -= pad;
    high += pad;
  }
  const even = shape === LINEAR ? 1e-12 * (high - low) : 0;
  const exact = value => Math.abs(value) < even ? 0 : value;
  return {
    share: v => v === null ? null : (shape.to(v) - low) / (high - low),
    value: share => exact(shape.from(low + share * (high - low))),
    marks(from, to) {
      const found = shape.marks(low + from * (high - low), low + to * (high - low)).map(f => (f - low) / (high - low));
      return found.filter((mark, i) => i === 0 || mark - found[i - 1] > 0.06 * (to - from));
    },
  };
}
