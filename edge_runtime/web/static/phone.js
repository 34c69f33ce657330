// The phone page: its motion sensors to the runtime, or to a model in this very browser.
import { setToken, withToken } from "./live.js";
import { Bars } from "./bars.js";
import { ModelFileError, readModelFile } from "./modelfile.js";
import { Awake, Motion, obstacle } from "./motion.js";
import { Network } from "./network.js";
import { Recognizer } from "./recognizer.js";
import { useTheme } from "./theme.js";
import { Uplink } from "./uplink.js";
import { counted, element } from "./words.js";

const SHOW_MS = 250,
  SILENT_MS = 1500,
  MODEL_PATH = "/model.tflite",
  MOST_BEHIND = 300; // samples that wait for the network
const $ = (id) => document.getElementById(id);
const awake = new Awake();
let motion = null,
  uplink = null,
  model = null,
  recognizer = null,
  bars = null,
  count = 0,
  newest = null,
  shownAt = 0,
  behind = 0;
let turn = Promise.resolve(),
  heardAt = 0;
export const decisions = []; // of this browser, newest last, bounded; for whoever looks from the console

const mode = () => document.querySelector("input[name=mode]:checked").value;

function status(text, state = "good") {
  $("status").textContent = text;
  $("status").dataset.state = state;
}

async function take(sample) {
  count += 1;
  newest = sample;
  heardAt = performance.now();
  if (uplink) return uplink.push(sample);
  if (!recognizer || behind > MOST_BEHIND) return; // a browser too slow for the model: it shows as a gap
  behind += 1;
  const here = recognizer;
  turn = turn
    .then(() => here.push(sample))
    .then(
      (made) => made.forEach(decided),
      (error) => stop(error.message),
    )
    .finally(() => (behind -= 1));
}

function decided(decision) {
  decisions.push(decision);
  decisions.splice(0, decisions.length - 10_000);
  bars.show(decision);
  status(
    decision.tookMs
      ? `recognising, ${decision.tookMs.toFixed(1)} ms a window`
      : "samples are missing, filling the window again",
  );
  const name = decision.label ?? decision.state;
  $("label").textContent = name;
  $("label").dataset.state = decision.state;
  if ($("announcement").textContent !== name) $("announcement").textContent = name;
}

async function start() {
  $("start").disabled = true;
  try {
    motion = new Motion(take, () =>
      status(
        "The sensors are silent: this device has none, or the browser's settings block them.",
        "bad",
      ),
    );
    await motion.start(); // first, while the tap counts
    count = 0;
    if (mode() === "send") {
      status("connecting …");
      uplink = new Uplink(linked);
    } else {
      if (!model) throw new ModelFileError("Choose a model first.");
      recognizer = new Recognizer(model.contract, model.network);
      bars = new Bars($("bars"), model.contract.labels);
      decisions.splice(0);
      $("result").hidden = false;
      status(
        `recognising; the first answer comes after ${model.contract.window_samples / model.contract.stream.rate_hz} s`,
      );
    }
    $("stop").disabled = $("calibrate").disabled = false;
    document.querySelectorAll("input").forEach((input) => (input.disabled = true));
    $("token").disabled = false;
    $("awake").textContent = (await awake.hold())
      ? "stays on"
      : "may turn off: this browser does not let it stay on";
  } catch (error) {
    stop(error.message);
  }
}

function stop(why = "") {
  motion?.stop();
  uplink?.close();
  uplink = recognizer = null;
  awake.release();
  $("awake").textContent = "may turn off";
  $("start").disabled = Boolean(obstacle());
  $("stop").disabled = $("calibrate").disabled = true;
  document.querySelectorAll("input").forEach((input) => (input.disabled = false));
  status(why || "stopped", why ? "bad" : "good");
}

function linked(event) {
  $("token-form").hidden = event.state !== "refused";
  if (event.state === "connected") {
    status(event.rate_hz ? `sending; the model wants ${event.rate_hz} Hz` : "sending");
  } else if (event.state === "lost") {
    status(
      `the computer cannot be reached, trying again in ${event.seconds} s; what is measured meanwhile is kept`,
      "bad",
    );
  } else if (event.state === "busy") {
    stop("Another phone is sending already: stop that one first.");
  } else {
    status("the token is missing or wrong", "bad");
    $("token").focus();
  }
}

async function open(buffer, name) {
  $("model").textContent = "loading …";
  try {
    const { network, contract } = await readModelFile(buffer);
    model?.network.close();
    model = { contract, network: await Network.open(network, contract) };
    $("model").textContent =
      `${name}: ${contract.name}, ${contract.labels.length} classes (${contract.labels.join(", ")})`;
  } catch (error) {
    model = null;
    $("model").textContent =
      error instanceof ModelFileError
        ? error.message
        : `This model cannot be loaded: ${error.message}`;
  }
}

async function openServed() {
  const answer = await fetch(withToken(MODEL_PATH)).catch(() => null);
  if (!answer?.ok || model) return;
  $("served").hidden = false;
  $("served").textContent = "The computer offers its own model; choose a file to take another.";
  await open(await answer.arrayBuffer(), "the computer's model");
}

function show(now) {
  requestAnimationFrame(show);
  if (now - shownAt < SHOW_MS) return;
  const passed = (now - shownAt) / 1000;
  shownAt = now;
  if (recognizer && decisions.length && now - heardAt > SILENT_MS) {
    // no label stands longer than its samples
    $("label").textContent = "no samples come";
    $("label").dataset.state = "gap";
  }
  if (motion && !$("stop").disabled) {
    $("rate").textContent = `${((count - (show.before ?? 0)) / passed).toFixed(0)} Hz`;
    $("sent-name").textContent = uplink ? "sent" : "taken";
    $("sent").textContent = uplink
      ? `${counted(Math.max(0, count - uplink.waiting - uplink.dropped), "sample")}, ${uplink.waiting} waiting${
          uplink.dropped ? `, ${uplink.dropped} lost` : ""
        }`
      : counted(count, "sample");
    $("sign").textContent =
      `${motion.sign > 0 ? "as measured" : "turned around"} (${motion.signFrom})`;
    if (newest) {
      $("acc").textContent =
        newest
          .slice(1, 4)
          .map((v) => v.toFixed(1))
          .join(", ") + " m/s²";
      $("gyro").textContent = Number.isNaN(newest[4])
        ? "this phone has no gyroscope"
        : newest
            .slice(4)
            .map((v) => v.toFixed(2))
            .join(", ") + " rad/s";
    }
  }
  show.before = count;
}

const blocked = obstacle();
if (blocked) {
  $("obstacle").hidden = false;
  $("problem").textContent = blocked.problem;
  $("remedies").replaceChildren(
    ...blocked.remedies.map((text) =>
      element("li", { textContent: text.replaceAll("PORT", location.port || "PORT") }),
    ),
  );
  $("start").disabled = true;
  status("cannot start, see above", "bad");
}
$("start").addEventListener("click", start);
$("stop").addEventListener("click", () => stop());
$("calibrate").addEventListener(
  "click",
  () => ($("calibrated").textContent = motion.calibrate().sentence),
);
$("file").addEventListener("change", async () => {
  const [file] = $("file").files;
  if (file) await open(await file.arrayBuffer(), file.name);
});
document.querySelectorAll("input[name=mode]").forEach((input) =>
  input.addEventListener("change", () => {
    $("model-choice").hidden = mode() !== "here";
    if (mode() === "here" && !model) openServed();
  }),
);
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken($("token").value);
  $("token-form").hidden = true;
  uplink?.live.open();
});
useTheme($("theme"));
show(0);
