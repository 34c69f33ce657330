// The dashboard: passes the server's messages to the panels of the page.
import { Connection, setToken } from "./connection.js";
import { Decisions } from "./decisions.js";
import { TeachPanel } from "./lessons.js";
import { $, percent, useTheme } from "./page.js";
import { ClassTable, HealthList, InputImages } from "./panels.js";
import { SensorTraces } from "./traces.js";

// Kinds of binary messages; their format is in edge_runtime/web/dashboard.py.
const SAMPLES_KIND = 1;
const IMAGES_KIND = 2;
const MAX_WAITING = 240; // decisions kept while the page is paused
const NO_TEXT = "\u00a0"; // keeps the line's height
const REASONS = { gap: "samples are missing", "warming up": "filling the window again" };

let hello = null; // the server's message "hello"
let panels = null;
let paused = false;
let waiting = []; // decisions that are not shown yet

const uPlot = await import("/vendor/uplot/uPlot.esm.js").then(
  (module) => module.default,
  () => null,
);

const teachPanel = new TeachPanel((command) => connection.socket.send(JSON.stringify(command)));
const connection = new Connection("/live", {
  onMessage(message) {
    if (message.type === "hello") showModel(message);
    else if (message.type === "lessons") teachPanel.show(message);
    else showUpdate(message);
  },
  onBytes(buffer) {
    if (!panels || paused) return;
    const kind = new DataView(buffer).getUint8(0);
    if (kind === SAMPLES_KIND) addSamples(buffer);
    else if (kind === IMAGES_KIND) setImages(buffer);
  },
  onLost(waitS) {
    showNoDecision("not connected"); // instead of a label that is out of date
    showConnection("bad", `not connected, trying again in ${waitS} s`);
  },
  onRefused() {
    showConnection("bad", "the token is missing or wrong");
    $("token-form").hidden = false;
    $("token").focus();
  },
});

function showModel(message) {
  hello = message;
  const name = hello.model || "nothing taught yet";
  $("model").textContent = name;
  document.title = `${name} – img2imu`;
  waiting = [];
  showConnection("good", `live from ${hello.source}`);
  $("token-form").hidden = true;
  $("main").hidden = false;
  panels = {
    classes: new ClassTable($("classes").tBodies[0], hello.labels),
    images: new InputImages($("images"), hello.images),
    decisions: new Decisions($("decisions").tBodies[0]),
    health: new HealthList(document.querySelector("#health dl"), hello.rate_hz),
    traces: uPlot && new SensorTraces($("traces"), hello.channels, hello.units, uPlot),
  };
  if (!uPlot) {
    $("traces").className = "warning";
    $("traces").textContent =
      "The plotting library is not installed, so sensor traces cannot be drawn: run make web in " +
      "the checkout (it needs npm), then install again. Everything else works without it.";
  }
  $("classes-span").textContent = hello.hop_s
    ? `a decision every ${hello.hop_s.toFixed(2)} s from ${hello.window_s} s of motion`
    : "";
  const hasLabels = hello.labels.length > 0;
  $("classes-section").hidden = !hasLabels;
  $("images-section").hidden = !hasLabels;
  if (!hello.decisions.length) showNoDecision(hasLabels ? "waiting" : "nothing taught yet");
  hello.decisions.forEach(showDecision);
}

function showUpdate({ decisions, health, skipped }) {
  waiting = [...waiting, ...decisions].slice(-MAX_WAITING);
  if (paused) return;
  waiting.splice(0).forEach(showDecision);
  if (health) panels.health.show(health, skipped);
}

function addSamples(buffer) {
  const channels = hello.channels.length;
  const n = (buffer.byteLength - 8) / (8 + 4 * channels);
  panels.traces?.add(new Float64Array(buffer, 8, n), new Float32Array(buffer, 8 + 8 * n));
}

function setImages(buffer) {
  panels.images.set(new DataView(buffer).getFloat64(8, true), new Uint8Array(buffer, 16));
}

function showDecision(decision) {
  panels.classes.add(decision);
  panels.decisions.push(decision);
  const name = decision.label ?? decision.state;
  $("label").textContent = name;
  $("label").dataset.state = decision.state;
  $("label").dataset.time = decision.time_s;
  $("sure").textContent = decision.latency_us
    ? `${percent(decision.probability)} sure`
    : (REASONS[decision.state] ?? NO_TEXT);
  // Setting the same text again would make screen readers repeat it.
  if ($("announcement").textContent !== name) $("announcement").textContent = name;
}

function showNoDecision(text) {
  $("label").textContent = text;
  $("label").dataset.state = "waiting";
  $("sure").textContent = NO_TEXT;
}

function showConnection(state, text) {
  $("connection").dataset.state = state;
  $("connection").textContent = text;
}

function draw() {
  if (panels && !paused) {
    panels.classes.draw();
    panels.images.draw();
    panels.traces?.draw();
  }
  requestAnimationFrame(draw);
}

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", paused);
  $("pause").textContent = paused ? "Resume" : "Pause";
});
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken($("token").value);
  $("token-form").hidden = true;
  showConnection("", "connecting …");
  connection.open();
});
useTheme($("theme"), () => {
  panels?.traces?.build();
  panels?.classes.invalidate();
});
draw();
