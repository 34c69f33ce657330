// Checks a stream against the contract, with the bounds of edge_runtime/stream/checks.py, which
// gives their sources.
const SENSOR_DEAD = 1e-3; // a sensor that stays below measures nothing: a real one has noise
const LEAST_WITH_GRAVITY = 4; // m/s²
const IN_G = 0.5; // from here to LEAST_WITH_GRAVITY lie 4.9 to 39 m/s² in g
const IN_MILLI_G = [400, 4000]; // raw counts lie above
const LEAST_STEADY = 0.5; // m/s²; motion without gravity averages to less
const LEAST_STEADY_SHARE = 0.3; // of the median, to tell g from weak motion without gravity
const GYRO_LIMIT = 100; // rad/s; the widest range of a MEMS gyroscope is 70 rad/s
const VALUE_LIMIT = 1e6; // no motion sensor gives as much in any unit

const KINDS = {
  g: "its accelerations look like g, not m/s²",
  "milli-g": "its accelerations look like thousandths of g, not m/s²",
  counts: "its accelerations look like a converter's raw counts, not m/s²",
  dead: "its accelerometer gives nothing but zeros",
};
const REMEDY = "update the browser, or take another phone";

/** A stream that breaks the contract. The message is one sentence for the user. */
export class StreamError extends Error {}

/** The checks of one stream. Each throws a StreamError. */
export class Checks {
  /** @param {object} stream of the contract */
  constructor(stream) {
    this.stream = stream;
    const { channels } = stream;
    this.acc = channels.flatMap((name, column) => (name.startsWith("acc_") ? [column] : []));
    this.gyro = channels.flatMap((name, column) => (name.startsWith("gyro_") ? [column] : []));
  }

  /**
   * Refuse a sample with a time that is not a number, or with a value that is not one or is too
   * large.
   */
  checkSample(timeS, values) {
    const { channels } = this.stream;
    const missing = values.findIndex(Number.isNaN);
    if (missing >= 0) {
      throw new StreamError(
        `This phone gives no ${channels[missing]}, which the model needs: ` +
          "take a phone with a gyroscope, or a model without.",
      );
    }
    const tooLarge = values.findIndex((value) => Math.abs(value) >= VALUE_LIMIT);
    if (tooLarge >= 0) {
      throw new StreamError(
        `This phone gives ${values[tooLarge]} as ${channels[tooLarge]}, ` +
          `expected less than a million: ${REMEDY}.`,
      );
    }
    if (!Number.isFinite(timeS)) {
      throw new StreamError(`This phone gives a sample without a time: ${REMEDY}.`);
    }
  }

  /**
   * Refuse a window in other units, with gravity where the model has none, or without where it has.
   * It is meant for a stream's first window: a later one may be all free fall.
   * @param {Float32Array} window (samples x channels)
   */
  checkUnits(window) {
    this.checkAcceleration(window);
    const fastest = this.largest(window, this.gyro);
    if (fastest > GYRO_LIMIT) {
      throw new StreamError(
        `This phone turns at ${fastest.toFixed(0)} rad/s, expected at most ${GYRO_LIMIT}; ` +
          `it seems to give degrees per second: ${REMEDY}.`,
      );
    }
  }

  /** Refuse a window in which the accelerometer measures nothing: any label would be invented. */
  checkAlive(window) {
    if (this.acc.length && this.largest(window, this.acc) < SENSOR_DEAD) {
      throw new StreamError(`This phone cannot be used: ${KINDS.dead}: ${REMEDY}.`);
    }
  }

  /**
   * Whether too many samples of a window are missing, though the rate between the holes is right.
   * Refuses a rate that is wrong throughout.
   * @param {number[]} received number of sensor samples up to each sample of the window, see
   *   Resampler
   */
  hasHoles(received) {
    const { rate_hz } = this.stream;
    const steps = received.slice(1).map((count, i) => count - received[i]);
    const measuredHz = ((received.at(-1) - received[0]) / steps.length) * rate_hz;
    if (this.rateFits(measuredHz)) return false;
    // The median over the sensor's samples: a pause, however long, lies before a single one of
    // them.
    steps.sort((a, b) => a - b);
    const half = steps.reduce((sum, step) => sum + step, 0) / 2;
    let counted = 0;
    const usual = steps.find((step) => (counted += step) >= half);
    if (this.rateFits(usual * rate_hz)) return true;
    throw new StreamError(
      `This phone gives ${measuredHz.toFixed(1)} samples a second, the model needs ${rate_hz}: ` +
        "close other tabs, switch power saving off, or train a model for this rate.",
    );
  }

  /** Whether a rate is within the tolerance, or above it: a faster sensor is filtered down. */
  rateFits(measuredHz) {
    const { rate_hz, rate_tolerance } = this.stream;
    return measuredHz / rate_hz - 1 >= -rate_tolerance;
  }

  checkAcceleration(window) {
    const { channels, gravity } = this.stream;
    const axes = ["acc_x", "acc_y", "acc_z"].map((name) => channels.indexOf(name));
    if (gravity === "unknown" || axes.includes(-1)) return;
    const { kind, median } = accelerationKind(window, channels.length, axes);
    // Weak motion without gravity, with a little bias, can look like g.
    const allowed = gravity === "included" ? ["si"] : ["no gravity", "g"];
    if (allowed.includes(kind)) return;
    if (KINDS[kind]) throw new StreamError(`This phone cannot be used: ${KINDS[kind]}: ${REMEDY}.`);
    throw new StreamError(
      gravity === "included"
        ? `This phone shows ${median.toFixed(2)} m/s² where gravity alone is 9.8: it gives its ` +
            "acceleration without gravity, and the model was trained with it."
        : `This phone shows ${median.toFixed(2)} m/s²: it gives its acceleration with gravity, ` +
            "and the model was trained without it.",
    );
  }

  /** The largest absolute value in some columns of a window. */
  largest(window, columns) {
    const width = this.stream.channels.length;
    let largest = 0;
    for (let at = 0; at < window.length; at += width) {
      for (const column of columns) largest = Math.max(largest, Math.abs(window[at + column]));
    }
    return largest;
  }
}

/** What the accelerations of a window look like: si, g, milli-g, counts, no gravity or dead. */
function accelerationKind(window, width, axes) {
  const lengths = [];
  const sums = [0, 0, 0];
  for (let at = 0; at < window.length; at += width) {
    lengths.push(Math.hypot(...axes.map((axis) => window[at + axis])));
    axes.forEach((axis, i) => (sums[i] += window[at + axis]));
  }
  lengths.sort((a, b) => a - b);
  const median = (lengths[(lengths.length - 1) >> 1] + lengths[lengths.length >> 1]) / 2;
  const steady = Math.hypot(...sums.map((sum) => sum / lengths.length));
  const kind = () => {
    if (lengths.at(-1) < SENSOR_DEAD) return "dead";
    if (median > IN_MILLI_G[1]) return "counts";
    if (median >= IN_MILLI_G[0]) return "milli-g";
    if (median >= LEAST_WITH_GRAVITY) return steady >= LEAST_STEADY ? "si" : "no gravity";
    return median >= IN_G && steady >= LEAST_STEADY_SHARE * median ? "g" : "no gravity";
  };
  return { kind: kind(), median };
}
