// Samples in, decisions out, in the browser: edge_runtime/recognizer.py in small, for one well-behaved sensor.
import { Resampler } from "./resampler.js";
import { Smoother } from "./smoother.js";

const LEAST_WITH_GRAVITY = 4; // m/s²
const CHANNELS = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"];

export class Recognizer {
  // contract: of the model; network: has infer(window)
  constructor(contract, network) {
    this.contract = contract;
    this.network = network;
    this.columns = contract.stream.channels.map((name) => CHANNELS.indexOf(name));
    this.resampler = new Resampler(contract.stream.rate_hz, this.columns.length);
    this.smoother = new Smoother(contract.decision, contract.labels);
    this.checked = false;
    this.restart();
  }

  // As edge_runtime/stream/checks.py does with a stream's first window.
  checkGravity(window) {
    const { channels, gravity } = this.contract.stream,
      width = channels.length;
    const axes = ["acc_x", "acc_y", "acc_z"].map((name) => channels.indexOf(name));
    this.checked = true;
    if (gravity !== "included" || axes.includes(-1)) return;
    const lengths = [];
    for (let i = 0; i < window.length; i += width)
      lengths.push(Math.hypot(...axes.map((axis) => window[i + axis])));
    const median = lengths.sort((a, b) => a - b)[lengths.length >> 1];
    if (median < LEAST_WITH_GRAVITY)
      throw new Error(
        `This phone shows ${median.toFixed(2)} m/s² where gravity alone is 9.8: it gives its acceleration without gravity, and the model learnt with it.`,
      );
  }

  restart() {
    this.resampler.reset();
    this.smoother.reset();
    this.window = [];
    this.received = [];
    this.total = 0;
    this.due = this.contract.window_samples;
  }

  get fill() {
    return this.window.length / this.contract.window_samples;
  }

  // A sample [time in ms, six values]; gives the decisions that it completes.
  async push([timeMs, ...all]) {
    const timeS = timeMs / 1000,
      values = Float32Array.from(this.columns, (column) => all[column]);
    const missing = this.columns.findIndex((_, i) => Number.isNaN(values[i]));
    if (missing >= 0)
      throw new Error(
        `This phone gives no ${this.contract.stream.channels[missing]}, which the model needs: take a phone with a gyroscope, or a model without.`,
      );
    const last = this.resampler.lastTimeS,
      decisions = [];
    if (last !== undefined && timeS <= last) return decisions;
    if (last !== undefined && timeS - last > this.contract.stream.max_gap_s) {
      this.restart();
      decisions.push(nothing(timeS, "gap"), nothing(timeS, "warming up"));
    }
    for (const step of this.resampler.push(timeS, values)) {
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
    return decisions;
  }

  async decide(timeS) {
    const { stream, window_samples: n } = this.contract;
    const measuredHz = ((this.received.at(-1) - this.received[0]) / (n - 1)) * stream.rate_hz;
    if (measuredHz < stream.rate_hz * (1 - stream.rate_tolerance)) {
      throw new Error(
        `This phone gives ${measuredHz.toFixed(1)} samples a second, the model needs ${stream.rate_hz}: close other tabs, switch power saving off, or train a model for this rate.`,
      );
    }
    const window = new Float32Array(n * this.columns.length);
    this.window.forEach((sample, i) => window.set(sample, i * this.columns.length));
    if (!this.checked) this.checkGravity(window);
    const started = performance.now();
    const probabilities = await this.network.infer(window);
    return { ...this.smoother.decide(timeS, probabilities), tookMs: performance.now() - started };
  }
}

const nothing = (timeS, state) => ({
  timeS,
  state,
  label: null,
  event: false,
  probability: 0,
  probabilities: [],
  windowProbabilities: [],
});
