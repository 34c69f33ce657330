// The dashboard: takes what the server tells and passes it to the parts of the page.
import { Classes } from "./classes.js";
import { Decisions } from "./decisions.js";
import { Figures } from "./figures.js";
import { Live, setToken } from "./live.js";
import { Pictures } from "./pictures.js";
import { Lessons } from "./lessons.js";
import { useTheme } from "./theme.js";
import { Traces } from "./traces.js";
import { percent } from "./words.js";

const SAMPLES = 1,
  IMAGES = 2; // kinds of binary messages, see messages.py
const $ = (id) => document.getElementById(id);
const MOST_WAITING = 240; // decisions that came while the page was paused
let parts = null,
  paused = false,
  hello = null,
  said = "",
  waiting = [];

const uPlot = await import("/vendor/uplot/uPlot.esm.js").then(
  (module) => module.default,
  () => null,
);

const lessons = new Lessons((command) => live.socket.send(JSON.stringify(command)));
const live = new Live("/live", {
  text(message) {
    if (message.type === "hello") return begin(message);
    if (message.type === "lessons") return lessons.show(message);
    waiting = [...waiting, ...message.decisions].slice(-MOST_WAITING);
    if (paused) return;
    waiting.splice(0).forEach(decide);
    if (message.health) parts.figures.show(message.health, message.skipped);
  },
  bytes(buffer) {
    if (!parts || paused) return;
    const kind = new DataView(buffer).getUint8(0);
    if (kind === SAMPLES) samples(buffer);
    else if (kind === IMAGES)
      parts.pictures.show(new DataView(buffer).getFloat64(8, true), new Uint8Array(buffer, 16));
  },
  lost(seconds) {
    rest("not connected"); // no label stands longer than what it was said of
    connection("bad", `not connected, trying again in ${seconds} s`);
  },
  refused() {
    connection("bad", "the token is missing or wrong");
    $("token-form").hidden = false;
    $("token").focus();
  },
});

function begin(message) {
  hello = message;
  $("model").textContent = hello.model || "nothing taught yet";
  document.title = `${$("model").textContent} – img2imu`;
  waiting = [];
  connection("good", `live from ${hello.source}`);
  $("token-form").hidden = true;
  $("main").hidden = false;
  parts = {
    classes: new Classes($("classes").tBodies[0], hello.labels),
    pictures: new Pictures($("images"), hello.images),
    decisions: new Decisions($("decisions").tBodies[0]),
    figures: new Figures(document.querySelector("#health dl"), hello),
    traces: uPlot && new Traces($("traces"), hello.channels, hello.units, uPlot),
  };
  if (!uPlot) {
    $("traces").className = "warning";
    $("traces").textContent =
      "The plotting library is not installed, so traces cannot be drawn: run make web in the checkout (it needs npm), then install again. Everything else works without it.";
  }
  $("classes-span").textContent = hello.hop_s
    ? `a decision every ${hello.hop_s.toFixed(2)} s from ${hello.window_s} s of motion`
    : "";
  $("classes-section").hidden = $("images-section").hidden = !hello.labels.length;
  if (!hello.decisions.length) rest(hello.labels.length ? "waiting" : "nothing taught yet");
  hello.decisions.forEach(decide);
}

function samples(buffer) {
  const channels = hello.channels.length;
  const n = (buffer.byteLength - 8) / (8 + 4 * channels);
  parts.traces?.push(new Float64Array(buffer, 8, n), new Float32Array(buffer, 8 + 8 * n), channels);
}

function decide(decision) {
  parts.classes.push(decision);
  parts.decisions.push(decision);
  const name = decision.label ?? decision.state;
  $("label").textContent = name;
  $("label").dataset.state = decision.state;
  $("label").dataset.time = decision.time_s;
  $("sure").textContent = decision.latency_us
    ? `${percent(decision.probability)} sure`
    : ({ gap: "samples are missing", "warming up": "filling the window again" }[decision.state] ??
      "\u00a0");
  if (name !== said) $("announcement").textContent = said = name;
}

function rest(text) {
  $("label").textContent = text;
  $("label").dataset.state = "waiting";
  $("sure").textContent = "\u00a0";
}

function connection(state, text) {
  $("connection").dataset.state = state;
  $("connection").textContent = text;
}

function draw() {
  if (parts && !paused)
    [parts.classes, parts.pictures, parts.traces].forEach((part) => part?.draw());
  requestAnimationFrame(draw);
}

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", paused);
  $("pause").textContent = paused ? "Go on" : "Pause";
});
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken($("token").value);
  $("token-form").hidden = true;
  connection("", "connecting …");
  live.open();
});
useTheme($("theme"), () => {
  if (!parts) return;
  parts.traces?.build();
  parts.classes.dirty = true;
});
draw();
