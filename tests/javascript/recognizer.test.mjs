// What the golden files do not cover of the page's recogniser: the page's own samples and messages.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { StreamError } from "../../edge_runtime/web/static/checks.js";
import { Recognizer } from "../../edge_runtime/web/static/recognizer.js";

const { contract } = JSON.parse(readFileSync(new URL("../../golden/gaps.json", import.meta.url)));
const network = { infer: async () => Float32Array.of(0.2, 0.7, 0.1) };

test("samples of the page come in milliseconds", async () => {
  const recognizer = new Recognizer(contract, network);
  const decisions = [];
  for (let i = 0; i < 90; i++) {
    decisions.push(...(await recognizer.push([1000 + 20 * i, 0, 0, 9.8, 0, 0, 0])));
  }
  const [first] = decisions;
  assert.equal(first.label, "walk");
  assert.ok(first.event && first.tookMs >= 0);
  assert.ok(Math.abs(first.timeS - (1 + 10 / 50 + 63 / 50)) < 1e-9);
  assert.equal(recognizer.fill, 1);
});

test("a phone without a gyroscope is told what the model needs", async () => {
  const recognizer = new Recognizer(contract, network);
  await assert.rejects(recognizer.push([0, 0, 0, 9.8, NaN, NaN, NaN]), (error) => {
    assert.ok(error instanceof StreamError);
    assert.match(error.message, /gives no gyro_x, which the model needs: take a phone with a/);
    return true;
  });
});

test("a model of fewer channels takes its own columns", async () => {
  const windows = [];
  const stream = { ...contract.stream, channels: ["gyro_z"], gravity: "unknown" };
  const recognizer = new Recognizer(
    { ...contract, stream },
    { infer: async (window) => (windows.push(window), Float32Array.of(1, 0, 0)) },
  );
  for (let i = 0; i < 90; i++) await recognizer.push([20 * i, NaN, NaN, NaN, NaN, NaN, 0.5]);
  assert.equal(windows[0].length, contract.window_samples);
  assert.ok(windows[0].every((value) => Math.abs(value - 0.5) < 1e-6));
});
