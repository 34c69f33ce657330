// From the phone's own timestamps to the model's even grid, as PolyphaseResampler in
// edge_runtime/stream/resampler.py.
const HALF_WIDTH_STEPS = 10;
const KAISER_BETA = 5;
const DENSE = 1.05; // sensor samples farther apart than this many grid steps are too few to filter
const MAX_FACTOR = 64; // of a sensor faster than the grid; bounds the samples that are kept
const MAX_KEPT = 4 * HALF_WIDTH_STEPS * MAX_FACTOR;

/**
 * Filters samples onto an even grid: a sinc of ten zero crossings a side under a Kaiser window.
 * Where samples are too far apart to filter, it interpolates linearly.
 */
export class Resampler {
  /**
   * @param {number} rateHz rate of the grid
   * @param {number} channels values in a sample
   * @param {{interpolated: number}} counts where interpolated samples are counted
   */
  constructor(rateHz, channels, counts = { interpolated: 0 }) {
    this.rateHz = rateHz;
    this.channels = channels;
    this.counts = counts;
    this.delayS = HALF_WIDTH_STEPS / rateHz;
    this.reset();
  }

  /** Begin a new grid with the next sample. */
  reset() {
    this.times = [];
    this.values = [];
    this.startS = 0;
    this.next = 0; // index of the next grid sample
    this.received = 0;
    this.interval = 0; // ordinal of the sensor sample before the newest grid sample, from 1
  }

  /** Timestamp of the newest sensor sample; undefined at the start. */
  get lastTimeS() {
    return this.times.at(-1);
  }

  /** Whether more samples are kept than any sensor gives within the filter's length. */
  get isTooFast() {
    return this.times.length > MAX_KEPT;
  }

  /**
   * Take a sensor sample later than the last one.
   * @returns {{timeS: number, sample: Float32Array, received: number}[]} the grid samples that it
   *   completes; received is the number of sensor samples up to timeS, plus the elapsed part of the
   *   interval that timeS lies in
   */
  push(timeS, values) {
    if (!this.times.length) this.startS = timeS + this.delayS;
    this.times.push(timeS);
    this.values.push(values);
    this.received += 1;
    const grid = [];
    if (this.times.length < 2) return grid;
    const first = this.received - this.times.length + 1; // ordinal of times[0]
    // The newest sample only gives its time, for the weight of the one before it.
    const limitS = this.times.at(-2) - this.delayS;
    for (;;) {
      const gridS = this.startS + this.next / this.rateHz;
      if (!(gridS <= limitS)) break;
      const { left, part } = this.locate(gridS);
      if (first + left === this.interval) this.counts.interpolated += 1;
      this.interval = first + left;
      grid.push({ timeS: gridS, sample: this.filter(gridS), received: first + left + part });
      this.next += 1;
    }
    this.forget();
    return grid;
  }

  /**
   * Return the index of the sensor sample before gridS, and the part of the step to the next one
   * that has passed.
   */
  locate(gridS) {
    const left = firstAfter(this.times, gridS) - 1;
    const part = (gridS - this.times[left]) / (this.times[left + 1] - this.times[left]);
    return { left, part };
  }

  /** Return the filter's output at gridS. */
  filter(gridS) {
    const { times, values } = this;
    const begin = firstNotBefore(times, gridS - this.delayS);
    const end = firstAfter(times, gridS + this.delayS);
    let widestS = 0;
    for (let i = Math.max(begin - 1, 0); i < end; i++) {
      widestS = Math.max(widestS, times[i + 1] - times[i]);
    }
    const sums = new Array(this.channels).fill(0);
    if (widestS * this.rateHz > DENSE) {
      const { left, part } = this.locate(gridS);
      return Float32Array.from(
        sums,
        (_, c) => (1 - part) * values[left][c] + part * values[left + 1][c],
      );
    }
    let total = 0;
    for (let i = begin; i < end; i++) {
      const beforeS = i ? times[i] - times[i - 1] : times[1] - times[0];
      const afterS = times[i + 1] - times[i];
      const weight = (beforeS + afterS) * kernel((times[i] - gridS) * this.rateHz);
      total += weight;
      for (let c = 0; c < this.channels; c++) sums[c] += weight * values[i][c];
    }
    return Float32Array.from(sums, (sum) => sum / total);
  }

  /** Drop the samples that no later grid sample needs. */
  forget() {
    const oldestS = this.startS + this.next / this.rateHz - this.delayS;
    const begin = Math.min(firstNotBefore(this.times, oldestS) - 2, this.times.length - 2);
    this.times.splice(0, Math.max(begin, 0));
    this.values.splice(0, Math.max(begin, 0));
  }
}

/** The windowed sinc at this many grid steps from its middle, not scaled. */
function kernel(steps) {
  const x = Math.PI * steps;
  const sinc = x === 0 ? 1 : Math.sin(x) / x;
  return sinc * bessel(KAISER_BETA * Math.sqrt(Math.max(1 - (steps / HALF_WIDTH_STEPS) ** 2, 0)));
}

/**
 * The modified Bessel function of the first kind, order 0, by its power series: it converges fast
 * for small x.
 */
function bessel(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** The first index with times[i] >= timeS. */
function firstNotBefore(times, timeS) {
  return firstIndex(times, (time) => time >= timeS);
}

/** The first index with times[i] > timeS. */
function firstAfter(times, timeS) {
  return firstIndex(times, (time) => time > timeS);
}

/** Binary search for the first index where a predicate is true; it stays true from there on. */
function firstIndex(times, predicate) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (predicate(times[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
