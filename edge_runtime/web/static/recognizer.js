// Samples in, decisions out, in the browser: the rules of edge_runtime/recognizer.py, with the
// polyphase resampler.
import { Checks, StreamError } from "./checks.js";
import { Resampler } from "./resampler.js";
import { Smoother } from "./smoother.js";

const CHANNELS = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"];
const MAX_GAPS_WITHOUT_A_WINDOW = 10; // this many in a row are not gaps but a stream far too slow
const RESTART_S = 5; // time that runs back this far at once is another clock, not a late sample

/**
 * Recognises motions in a stream of samples. Samples that are late or come twice are dropped and
 * counted. After a pause longer than the contract allows, or a clock set back, the window fills
 * again from empty.
 */
export class Recognizer {
  /**
   * @param {object} contract of the model
   * @param {{infer: (window: Float32Array) => Promise<Float32Array>}} network window to
   *   probabilities
   */
  constructor(contract, network) {
    this.contract = contract;
    this.network = network;
    this.columns = contract.stream.channels.map((name) => CHANNELS.indexOf(name));
    this.counts = {
      received: 0,
      used: 0,
      late: 0,
      duplicate: 0,
      refused: 0,
      interpolated: 0,
      gaps: 0,
    };
    const { max_gap_s, rate_hz } = contract.stream;
    this.order = new SampleOrder(Math.ceil(max_gap_s * rate_hz), this.counts);
    this.checks = new Checks(contract.stream);
    this.resampler = new Resampler(rate_hz, this.columns.length, this.counts);
    this.smoother = new Smoother(contract.decision, contract.labels);
    this.reset();
  }

  /**
   * Forget the stream so far: the next sample may have any time, and a window must fill up again.
   */
  reset() {
    this.gaps = 0; // since the last whole window
    this.silentS = 0; // length of a silence that was announced, until a sample comes
    this.order.reset();
    this.restart();
  }

  restart() {
    this.resampler.reset();
    this.window = [];
    this.received = [];
    this.total = 0;
    this.due = this.contract.window_samples; // grid samples at which the next decision is made
    this.forgetWindows();
  }

  forgetWindows() {
    this.smoother.reset();
    this.first = true; // the next window has none before it
  }

  /** How full the window is, 0 to 1. */
  get fill() {
    return this.window.length / this.contract.window_samples;
  }

  /** Take a sample as the page has it: [time in ms, six values]. See take. */
  push([timeMs, ...values]) {
    return this.take(timeMs / 1000, values);
  }

  /**
   * Take a sample.
   * @param {number} timeS on the sensor's clock
   * @param {number[]} allValues of the six channels, SI units
   * @returns {Promise<object[]>} the decisions that the sample completes
   * @throws {StreamError} if the stream breaks the contract (rate, units, NaN); the stream so far
   *   is forgotten then
   */
  async take(timeS, allValues) {
    const values = Float32Array.from(this.columns, (column) => allValues[column]);
    const decisions = [];
    this.counts.received += 1;
    try {
      this.checks.checkSample(timeS, values);
      this.afterSilence(timeS, decisions);
      const turn = this.order.place(timeS);
      if (turn === "drop") return decisions;
      if (turn === "restart") this.gap(timeS, decisions);
      const { lastTimeS } = this.resampler;
      if (timeS - lastTimeS > this.contract.stream.max_gap_s) this.gap(timeS, decisions);
      this.silentS = 0;
      this.counts.used += 1;
      await this.grow(timeS, values, decisions);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.reset();
      const { received, used, late, duplicate } = this.counts;
      this.counts.refused = received - used - late - duplicate;
      throw error;
    }
    return decisions;
  }

  /**
   * Say that no sample has come for longer than allowed. The window is kept: samples that were only
   * under way continue where it ended. If the next sample shows that less than half of the silence
   * has passed on the sensor's clock, that clock stood still, and the window fills again.
   * @param {number} silenceS seconds since the newest sample came
   * @returns {object[]} the gap, once, so that no old label stays
   */
  silent(silenceS) {
    const { lastTimeS } = this.resampler;
    if (lastTimeS === undefined) return [];
    const announced = this.silentS > 0;
    this.silentS = silenceS;
    return announced ? [] : [withoutLabel(lastTimeS, "gap")];
  }

  afterSilence(timeS, decisions) {
    const { lastTimeS } = this.resampler;
    if (!this.silentS || lastTimeS === undefined) return;
    const passedS = timeS - lastTimeS;
    if (passedS >= 0 && passedS < this.silentS / 2) this.gap(timeS, decisions);
    else if (this.fill < 1) decisions.push(withoutLabel(timeS, "warming up"));
  }

  gap(timeS, decisions) {
    this.gaps += 1;
    this.counts.gaps += 1;
    const { max_gap_s, rate_hz } = this.contract.stream;
    if (this.gaps >= MAX_GAPS_WITHOUT_A_WINDOW) {
      throw new StreamError(
        `This phone paused ${this.gaps} times for more than ${max_gap_s} s before a window was ` +
          `full, the model needs ${rate_hz} samples a second: ` +
          "close other tabs, or switch power saving off.",
      );
    }
    this.restart();
    // A silence has announced the gap already.
    if (!this.silentS) decisions.push(withoutLabel(timeS, "gap"));
    this.silentS = 0;
    decisions.push(withoutLabel(timeS, "warming up"));
  }

  async grow(timeS, values, decisions) {
    const grid = this.resampler.push(timeS, values);
    if (this.resampler.isTooFast) {
      throw new StreamError(
        "This phone gives more samples than can be filtered, " +
          `the model needs ${this.contract.stream.rate_hz} a second: update the browser.`,
      );
    }
    for (const step of grid) {
      this.window.push(step.sample);
      this.received.push(step.received);
      if (this.window.length > this.contract.window_samples) {
        this.window.shift();
        this.received.shift();
      }
      this.total += 1;
      if (this.total === this.due) {
        this.due += this.contract.hop_samples;
        decisions.push(await this.decide(step.timeS));
      }
    }
  }

  async decide(timeS) {
    if (this.checks.hasHoles(this.received)) {
      this.forgetWindows();
      return withoutLabel(timeS, "gap");
    }
    const width = this.columns.length;
    const window = new Float32Array(this.window.length * width);
    this.window.forEach((sample, i) => window.set(sample, i * width));
    if (this.first) this.checks.checkUnits(window);
    else this.checks.checkAlive(window);
    this.gaps = 0;
    this.first = false;
    const started = performance.now();
    const probabilities = await this.network.infer(window);
    return { ...this.smoother.decide(timeS, probabilities), tookMs: performance.now() - started };
  }
}

/**
 * Drops and counts samples that are late or come twice, as edge_runtime/stream/order.py without
 * holding. A clock that goes back by more than 5 s, or so that more than longestRun samples in a
 * row would have to be dropped, was set back or restarted, and time begins again.
 */
class SampleOrder {
  constructor(longestRun, counts) {
    this.longestRun = longestRun;
    this.counts = counts;
    this.reset();
  }

  reset() {
    this.newestS = -Infinity;
    this.dropped = 0; // in a row
  }

  /** Count a sample of this time, and return what to do with it: "use", "drop" or "restart". */
  place(timeS) {
    const stuck = timeS <= this.newestS && this.dropped >= this.longestRun;
    const restart = stuck || this.newestS - timeS > RESTART_S;
    if (!restart && timeS <= this.newestS) {
      this.dropped += 1;
      if (timeS === this.newestS) this.counts.duplicate += 1;
      else this.counts.late += 1;
      return "drop";
    }
    this.newestS = timeS;
    this.dropped = 0;
    return restart ? "restart" : "use";
  }
}

const withoutLabel = (timeS, state) => ({
  timeS,
  state,
  label: null,
  event: false,
  probability: 0,
  probabilities: [],
  windowProbabilities: [],
});
