// The phone page: sends the phone's motion sensors to the runtime, or to a model in this browser.
import { setToken, withToken } from "./connection.js";
import { LiteRtModel } from "./litert.js";
import { ModelFileError, readModelFile } from "./modelfile.js";
import { $, counted, element, percent, useTheme } from "./page.js";
import { Recognizer } from "./recognizer.js";
import { MotionSensors, ScreenLock, sensorProblem } from "./sensors.js";
import { Uplink } from "./uplink.js";

const MODEL_PATH = "/model.tflite";
const SHOW_EVERY_MS = 250;
const SILENT_MS = 1500; // without samples, the label is replaced
const MAX_WAITING_SAMPLES = 300; // for the model in this browser
const MAX_KEPT_DECISIONS = 10_000;

/** Decisions made in this browser, oldest first. Exported for the console and for tests. */
export const decisions = [];

const screenLock = new ScreenLock();
let sensors = null;
let uplink = null; // while samples are sent to the runtime
let recognizer = null; // while a model recognises in this browser
let model = null; // {contract, network: LiteRtModel}
let bars = null;
let recognition = Promise.resolve(); // ends when all samples so far are processed
let waitingSamples = 0; // for the recogniser
let sampleCount = 0; // since the start
let newestSample = null;
let lastSampleMs = 0;
let shownMs = 0; // when the figures were last shown
let shownCount = 0; // sampleCount at that time

/** The probability of each class as a bar. */
class ProbabilityBars {
  constructor(place, labels) {
    this.bars = labels.map((label) => {
      const meter = element("meter", { min: 0, max: 1, value: 0 });
      meter.setAttribute("aria-label", `probability of ${label}`);
      const number = element("span", { textContent: "–" });
      const name = element("span", { textContent: label });
      const row = element("div", { className: "bar" }, name, meter, number);
      return { label, row, meter, number };
    });
    place.replaceChildren(...this.bars.map(({ row }) => row));
  }

  show(decision) {
    this.bars.forEach(({ label, row, meter, number }, i) => {
      meter.value = decision.probabilities[i] ?? 0;
      number.textContent = percent(decision.probabilities[i]);
      row.setAttribute("aria-current", String(decision.label === label));
    });
  }
}

const mode = () => document.querySelector("input[name=mode]:checked").value;

async function start() {
  $("start").disabled = true;
  try {
    sensors = new MotionSensors(handleSample, () =>
      showStatus(
        "No sensor readings arrive: this device has no sensors, " +
          "or the browser's settings block them.",
        "bad",
      ),
    );
    await sensors.start(); // first, because the tap allows it only for a moment
    sampleCount = 0;
    shownCount = 0;
    if (mode() === "send") {
      showStatus("connecting …");
      uplink = new Uplink(showUplink);
    } else {
      startRecognizer();
    }
    $("stop").disabled = false;
    $("calibrate").disabled = false;
    document.querySelectorAll("input").forEach((input) => (input.disabled = true));
    $("token").disabled = false;
    $("awake").textContent = (await screenLock.hold())
      ? "stays on"
      : "may turn off: this browser does not let it stay on";
  } catch (error) {
    stop(error.message);
  }
}

function startRecognizer() {
  if (!model) throw new ModelFileError("Choose a model first.");
  const { contract, network } = model;
  recognizer = new Recognizer(contract, network);
  bars = new ProbabilityBars($("bars"), contract.labels);
  decisions.splice(0);
  $("result").hidden = false;
  const windowS = contract.window_samples / contract.stream.rate_hz;
  showStatus(`recognising; the first decision comes after ${windowS} s`);
}

function stop(reason = "") {
  sensors?.stop();
  uplink?.close();
  uplink = null;
  recognizer = null;
  screenLock.release();
  $("awake").textContent = "may turn off";
  $("start").disabled = Boolean(sensorProblem());
  $("stop").disabled = true;
  $("calibrate").disabled = true;
  document.querySelectorAll("input").forEach((input) => (input.disabled = false));
  if (reason) showStatus(reason, "bad");
  else showStatus("stopped");
}

function handleSample(sample) {
  sampleCount += 1;
  newestSample = sample;
  lastSampleMs = performance.now();
  if (uplink) {
    uplink.push(sample);
    return;
  }
  // If this browser is too slow for the model, samples are dropped, which the model sees as a gap.
  if (!recognizer || waitingSamples > MAX_WAITING_SAMPLES) return;
  waitingSamples += 1;
  const current = recognizer; // it may be replaced before the sample's turn comes
  recognition = recognition
    .then(() => current.push(sample))
    .then(
      (completed) => completed.forEach(showDecision),
      (error) => stop(error.message),
    )
    .finally(() => (waitingSamples -= 1));
}

function showDecision(decision) {
  decisions.push(decision);
  decisions.splice(0, decisions.length - MAX_KEPT_DECISIONS);
  bars.show(decision);
  showStatus(
    decision.tookMs
      ? `recognising, ${decision.tookMs.toFixed(1)} ms per window`
      : "samples are missing, filling the window again",
  );
  const name = decision.label ?? decision.state;
  $("label").textContent = name;
  $("label").dataset.state = decision.state;
  // Setting the same text again would make screen readers repeat it.
  if ($("announcement").textContent !== name) $("announcement").textContent = name;
}

function showUplink(event) {
  $("token-form").hidden = event.state !== "refused";
  if (event.state === "connected") {
    showStatus(event.rate_hz ? `sending; the model expects ${event.rate_hz} Hz` : "sending");
  } else if (event.state === "lost") {
    showStatus(
      `cannot reach the computer, trying again in ${event.seconds} s; ` +
        "new samples are kept meanwhile",
      "bad",
    );
  } else if (event.state === "busy") {
    stop("Another phone is sending already: stop that one first.");
  } else {
    showStatus("the token is missing or wrong", "bad");
    $("token").focus();
  }
}

function showStatus(text, state = "good") {
  $("status").textContent = text;
  $("status").dataset.state = state;
}

async function loadModel(buffer, name) {
  $("model").textContent = "loading …";
  try {
    const { network, contract } = await readModelFile(buffer);
    model?.network.close();
    model = { contract, network: await LiteRtModel.load(network, contract) };
    const { labels } = contract;
    $("model").textContent =
      `${name}: ${contract.name}, ${labels.length} classes (${labels.join(", ")})`;
  } catch (error) {
    model = null;
    $("model").textContent =
      error instanceof ModelFileError
        ? error.message
        : `This model cannot be loaded: ${error.message}`;
  }
}

async function loadServedModel() {
  const answer = await fetch(withToken(MODEL_PATH)).catch(() => null);
  if (!answer?.ok || model) return;
  $("served").hidden = false;
  $("served").textContent = "The computer's own model is used unless you choose a file.";
  await loadModel(await answer.arrayBuffer(), "the computer's model");
}

function showFigures(nowMs) {
  requestAnimationFrame(showFigures);
  if (nowMs - shownMs < SHOW_EVERY_MS) return;
  const passedS = (nowMs - shownMs) / 1000;
  const newSamples = sampleCount - shownCount;
  shownMs = nowMs;
  shownCount = sampleCount;
  if (recognizer && decisions.length && nowMs - lastSampleMs > SILENT_MS) {
    $("label").textContent = "no samples"; // instead of a label that is out of date
    $("label").dataset.state = "gap";
  }
  if (!sensors || $("stop").disabled) return;
  $("rate").textContent = `${(newSamples / passedS).toFixed(0)} Hz`;
  $("sent-name").textContent = uplink ? "sent" : "read";
  $("sent").textContent = uplink ? sentText() : counted(sampleCount, "sample");
  $("sign").textContent = `${sensors.sign > 0 ? "as measured" : "inverted"} (${sensors.signFrom})`;
  if (newestSample) showSample(newestSample);
}

function sentText() {
  const sent = Math.max(0, sampleCount - uplink.waiting - uplink.dropped);
  const lost = uplink.dropped ? `, ${uplink.dropped} lost` : "";
  return `${counted(sent, "sample")}, ${uplink.waiting} waiting${lost}`;
}

function showSample(sample) {
  const numbers = (values, decimals) => values.map((value) => value.toFixed(decimals)).join(", ");
  $("acc").textContent = `${numbers(sample.slice(1, 4), 1)} m/s²`;
  $("gyro").textContent = Number.isNaN(sample[4])
    ? "this phone has no gyroscope"
    : `${numbers(sample.slice(4), 2)} rad/s`;
}

const problem = sensorProblem();
if (problem) {
  $("obstacle").hidden = false;
  $("problem").textContent = problem.problem;
  $("remedies").replaceChildren(
    ...problem.remedies.map((remedy) =>
      element("li", { textContent: remedy.replaceAll("PORT", location.port || "PORT") }),
    ),
  );
  $("start").disabled = true;
  showStatus("cannot start, see above", "bad");
}
$("start").addEventListener("click", start);
$("stop").addEventListener("click", () => stop());
$("calibrate").addEventListener("click", () => {
  $("calibrated").textContent = sensors.calibrate().sentence;
});
$("file").addEventListener("change", async () => {
  const [file] = $("file").files;
  if (file) await loadModel(await file.arrayBuffer(), file.name);
});
document.querySelectorAll("input[name=mode]").forEach((input) =>
  input.addEventListener("change", () => {
    $("model-choice").hidden = mode() !== "here";
    if (mode() === "here" && !model) loadServedModel();
  }),
);
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken($("token").value);
  $("token-form").hidden = true;
  uplink?.reconnect();
});
useTheme($("theme"));
showFigures(0);
