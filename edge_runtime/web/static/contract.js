// Reads the contract of a model file strictly, by the rules of edge_runtime/contract/spec.py.
const SCHEMA = 1;
const CHANNELS = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"];
const GRAVITY = ["included", "removed", "unknown"]; // unknown: fewer than three accelerometer axes

// Far above any real use. They keep what a damaged or hostile file may ask for within a few hundred
// MB.
const MAX_SAMPLES = 1_000_000; // of a window or a hop
const MAX_FFT_SAMPLES = 8192;
const MAX_FRAMES = 8192;
const MAX_PIXELS = 1 << 24; // of all images of a window

const AGAIN = "make it again with img2imu export --target web, and copy it whole";

/** A model file that this page cannot use. The message is one sentence for the user. */
export class ModelFileError extends Error {}

/**
 * Parse and validate the contract.
 * @param {string} json its text
 * @returns {object} the document, with the defaults of the optional keys
 * @throws {ModelFileError} if it is not JSON, is of a taught model, has a newer schema, an unknown
 *   or missing key, or a value out of range
 */
export function readContract(json) {
  let document;
  try {
    document = JSON.parse(json);
  } catch (error) {
    throw new ModelFileError(`The model's contract is not valid JSON: ${AGAIN}.`, { cause: error });
  }
  if (isObject(document) && (document.taught ?? null) !== null) {
    throw new ModelFileError(
      "This model was taught on a device, where img2imu run takes it; " +
        "the browser takes those of img2imu export --target web.",
    );
  }
  if (document?.schema > SCHEMA) {
    throw new ModelFileError(
      `The model's contract has schema ${show(document.schema)}, ` +
        `this page reads up to ${SCHEMA}: take a newer img2imu.`,
    );
  }
  const contract = contractShape(document, "contract");
  validate(contract);
  const optional = { class_thresholds: {}, debounce_decisions: 1, refractory_s: 0 };
  return { ...contract, decision: { ...optional, ...contract.decision } };
}

// A shape is a function of a value and its place in the document. It throws if the value has
// another type.
const contractShape = object(
  {
    schema: whole,
    name: text,
    stream: object({
      channels: list(text),
      rate_hz: number,
      gravity: text,
      rate_tolerance: number,
      max_gap_s: number,
    }),
    window_samples: whole,
    hop_samples: whole,
    front_end: object({
      spectrograms: list(object({ fft_samples: whole, step_samples: whole })),
      frequency_knee_hz: number,
      image_height: whole,
      image_width: whole,
      image_channels: list(list(whole)),
      min_db: list(number),
      max_db: list(number),
      statistics: list(text),
    }),
    labels: list(text),
    decision: object(
      { smoothing_windows: whole, threshold: number },
      { class_thresholds: mapOf(number), debounce_decisions: whole, refractory_s: number },
    ),
    quantisation: object({ recipe: text, converter: text, quantiser: text }),
    provenance: object({
      data_set: text,
      split_sha256: text,
      windows_per_class: whole,
      seed: whole,
      created: text,
      versions: mapOf(text),
      macro_f1_float: orNull(number),
      macro_f1: orNull(number),
    }),
  },
  { taught: orNull(number) }, // null, see readContract
);

function object(shapes, optional = {}) {
  const all = { ...shapes, ...optional };
  return (value, where) => {
    expect(isObject(value), where, value, "an object");
    for (const key of Object.keys(value)) {
      expect(Object.hasOwn(all, key), where, key, `only the keys ${Object.keys(all).join(", ")}`);
    }
    for (const key of Object.keys(shapes)) {
      expect(Object.hasOwn(value, key), where, "no such key", `the key ${key}`);
    }
    for (const [key, member] of Object.entries(value)) all[key](member, `${where}.${key}`);
    return value;
  };
}

function list(shape) {
  return (value, where) => {
    expect(Array.isArray(value), where, value, "a list");
    value.forEach((element, i) => shape(element, `${where}[${i}]`));
  };
}

function mapOf(shape) {
  return (value, where) => {
    expect(isObject(value), where, value, "an object");
    for (const [key, member] of Object.entries(value)) {
      text(key, where);
      shape(member, `${where}.${key}`);
    }
  };
}

function orNull(shape) {
  return (value, where) => {
    if (value !== null) shape(value, where);
  };
}

function text(value, where) {
  // Half a surrogate pair is not a character.
  expect(typeof value === "string" && !/\p{Cs}/u.test(value), where, value, "text");
}

function number(value, where) {
  expect(Number.isFinite(value), where, value, "a finite number");
}

function whole(value, where) {
  expect(Number.isInteger(value), where, value, "a whole number");
}

function validate({
  schema,
  name,
  stream,
  window_samples,
  hop_samples,
  front_end,
  labels,
  decision,
}) {
  const n = stream.channels.length;
  within(schema, 1, SCHEMA, "schema");
  expect(
    [1, 3, 6].includes(n) && distinct(stream.channels) && stream.channels.every(isChannel),
    "stream.channels",
    stream.channels,
    `1, 3 or 6 different names out of ${CHANNELS.join(", ")}`,
  );
  within(stream.rate_hz, 10, 400, "stream.rate_hz");
  expect(GRAVITY.includes(stream.gravity), "stream.gravity", stream.gravity, GRAVITY.join(", "));
  expect(
    stream.rate_tolerance > 0 && stream.rate_tolerance < 1,
    "stream.rate_tolerance",
    stream.rate_tolerance,
    "between 0 and 1",
  );
  within(stream.max_gap_s, 2 / stream.rate_hz, 60, "stream.max_gap_s");
  within(window_samples, 16, MAX_SAMPLES, "window_samples");
  validateFrontEnd(front_end, window_samples, n);
  const steps = front_end.spectrograms.map(({ step_samples }) => step_samples);
  expect(
    hop_samples >= 1 &&
      hop_samples <= MAX_SAMPLES &&
      steps.every((step) => hop_samples % step === 0),
    "hop_samples",
    hop_samples,
    `a multiple of ${steps.join(", ")}`,
  );
  expect(
    labels.length >= 2 && distinct(labels) && labels.every(isLine),
    "labels",
    labels,
    "two or more different names of one line each",
  );
  expect(isLine(name), "name", name, "one line of text");
  validateDecision(decision, labels);
}

function validateFrontEnd(spec, windowSamples, channels) {
  const images = spec.spectrograms.length * spec.image_channels.length;
  expect(
    spec.spectrograms.length >= 1 &&
      spec.spectrograms.length <= 16 &&
      spec.spectrograms.every((spectrogram) => fits(spectrogram, windowSamples)),
    "front_end.spectrograms",
    spec.spectrograms,
    `1 to 16, each with fft_samples within the window and up to ${MAX_FRAMES} frames`,
  );
  within(spec.frequency_knee_hz, 1e-3, 1e3, "front_end.frequency_knee_hz");
  within(spec.image_height, 1, 1024, "front_end.image_height");
  within(spec.image_width, 1, 1024, "front_end.image_width");
  within(
    images * spec.image_height * spec.image_width,
    0,
    MAX_PIXELS,
    "front_end: pixels of a window",
  );
  expect(
    spec.image_channels.length >= 1 &&
      spec.image_channels.length <= 16 &&
      spec.image_channels.every(
        (rgb) => rgb.length === 3 && rgb.every((column) => column >= 0 && column < channels),
      ),
    "front_end.image_channels",
    spec.image_channels,
    `triples of columns from 0 to ${channels - 1}`,
  );
  expect(
    spec.min_db.length === channels &&
      spec.max_db.length === channels &&
      spec.min_db.every(
        (low, c) => low >= -300 && low + 1 <= spec.max_db[c] && spec.max_db[c] <= 300,
      ),
    "front_end.min_db and max_db",
    [spec.min_db, spec.max_db],
    `${channels} levels each, -300 to 300, max at least 1 above min`,
  );
  expect(spec.statistics.length >= 1, "front_end.statistics", spec.statistics, "one name or more");
}

function fits({ fft_samples, step_samples }, windowSamples) {
  return (
    fft_samples >= 2 &&
    fft_samples <= Math.min(windowSamples, MAX_FFT_SAMPLES) &&
    step_samples >= 1 &&
    Math.floor((windowSamples - fft_samples) / step_samples) < MAX_FRAMES
  );
}

function validateDecision(spec, labels) {
  within(spec.smoothing_windows, 1, 1000, "decision.smoothing_windows");
  within(spec.threshold, 0, 1, "decision.threshold");
  expect(
    Object.entries(spec.class_thresholds ?? {}).every(
      ([label, threshold]) => labels.includes(label) && threshold >= 0 && threshold <= 1,
    ),
    "decision.class_thresholds",
    spec.class_thresholds,
    "0 to 1 for labels of the model",
  );
  within(spec.debounce_decisions ?? 1, 1, 1000, "decision.debounce_decisions");
  within(spec.refractory_s ?? 0, 0, 3600, "decision.refractory_s");
}

// Whether the text fits on one line: no control character, no line break, not blank.
function isLine(string) {
  return /[^\p{White_Space}]/u.test(string) && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(string);
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isChannel = (name) => CHANNELS.includes(name);
const distinct = (names) => new Set(names).size === names.length;

// A value as one line of a message.
function show(value) {
  const line = String(JSON.stringify(value)).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
  return line.length > 100 ? `${line.slice(0, 97)}...` : line;
}

function within(value, low, high, where) {
  expect(value >= low && value <= high, where, value, `${low} to ${high}`);
}

function expect(valid, where, value, expected) {
  if (!valid) {
    throw new ModelFileError(
      `The model's contract has ${show(value)} in ${where}, expected ${expected}: ${AGAIN}.`,
    );
  }
}
