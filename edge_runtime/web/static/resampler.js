// From the phone's own timestamps to the model's even grid: edge_runtime/stream/resampler.py's PolyphaseResampler, once more.
// A sinc of ten zero crossings a side under a Kaiser window; linear where samples are too far apart to filter.
const HALF_WIDTH_STEPS = 10,
  KAISER_BETA = 5,
  DENSE = 1.05;

export class Resampler {
  constructor(rateHz, channels) {
    this.rateHz = rateHz;
    this.channels = channels;
    this.delayS = HALF_WIDTH_STEPS / rateHz;
    this.reset();
  }

  reset() {
    this.times = [];
    this.values = [];
    this.startS = 0;
    this.next = 0;
    this.received = 0;
  }

  get lastTimeS() {
    return this.times.at(-1);
  }

  // One sample; gives [{timeS, sample, received}] of the grid that it completes.
  push(timeS, values) {
    if (!this.times.length) this.startS = timeS + this.delayS;
    this.times.push(timeS);
    this.values.push(values);
    this.received += 1;
    const { times } = this,
      grid = [];
    if (times.length < 2) return grid;
    const first = this.received - times.length + 1,
      limitS = times.at(-2) - this.delayS;
    for (;;) {
      const atS = this.startS + this.next / this.rateHz;
      if (!(atS <= limitS)) break;
      const left = after(times, atS) - 1;
      const part = (atS - times[left]) / (times[left + 1] - times[left]);
      grid.push({ timeS: atS, sample: this.at(atS), received: first + left + part });
      this.next += 1;
    }
    this.forget();
    return grid;
  }

  at(atS) {
    const { times, values } = this;
    const begin = notBefore(times, atS - this.delayS),
      end = after(times, atS + this.delayS);
    let widest = 0;
    for (let i = Math.max(begin - 1, 0); i < end; i++)
      widest = Math.max(widest, times[i + 1] - times[i]);
    const sum = new Array(this.channels).fill(0);
    if (widest * this.rateHz > DENSE) {
      const left = after(times, atS) - 1,
        part = (atS - times[left]) / (times[left + 1] - times[left]);
      return Float32Array.from(
        sum,
        (_, c) => (1 - part) * values[left][c] + part * values[left + 1][c],
      );
    }
    let total = 0;
    for (let i = begin; i < end; i++) {
      const before = i ? times[i] - times[i - 1] : times[1] - times[0];
      const weight = (before + times[i + 1] - times[i]) * kernel((times[i] - atS) * this.rateHz);
      total += weight;
      for (let c = 0; c < this.channels; c++) sum[c] += weight * values[i][c];
    }
    return Float32Array.from(sum, (value) => value / total);
  }

  forget() {
    const oldestS = this.startS + this.next / this.rateHz - this.delayS;
    const begin = Math.max(Math.min(notBefore(this.times, oldestS) - 2, this.times.length - 2), 0);
    this.times.splice(0, begin);
    this.values.splice(0, begin);
  }
}

export function kernel(steps) {
  const x = Math.PI * steps;
  const sinc = x === 0 ? 1 : Math.sin(x) / x;
  return sinc * bessel(KAISER_BETA * Math.sqrt(Math.max(1 - (steps / HALF_WIDTH_STEPS) ** 2, 0)));
}

// The modified Bessel function of the first kind, order 0: its power series, which converges fast for small x.
function bessel(x) {
  let term = 1,
    sum = 1;
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function notBefore(times, timeS) {
  // first index with times[i] >= timeS
  let low = 0,
    high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < timeS) low = middle + 1;
    else high = middle;
  }
  return low;
}

function after(times, timeS) {
  // first index with times[i] > timeS
  let low = 0,
    high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= timeS) low = middle + 1;
    else high = middle;
  }
  return low;
}
