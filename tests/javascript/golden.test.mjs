// The pages' modules against the golden files, whose README.md describes them: make test-
// javascript.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ModelFileError, readContract } from "../../edge_runtime/web/static/contract.js";
import { readModelFile } from "../../edge_runtime/web/static/modelfile.js";
import { Recognizer } from "../../edge_runtime/web/static/recognizer.js";
import { Resampler } from "../../edge_runtime/web/static/resampler.js";
import { Smoother } from "../../edge_runtime/web/static/smoother.js";
import { StreamError } from "../../edge_runtime/web/static/checks.js";

const ROOT = new URL("../../", import.meta.url);

// What JavaScript answers to a case of each kind: the file and the case to {answer name: value}.
const KINDS = {
  contract: contractAnswers,
  model_file: modelFileAnswers,
  resampling: resamplingAnswers,
  gaps: gapsAnswers,
  decisions: decisionsAnswers,
};

for (const [kind, answer] of Object.entries(KINDS)) {
  const file = JSON.parse(readFileSync(new URL(`golden/${kind}.json`, ROOT)));
  test(kind, async (context) => {
    for (const [name, { given, answers }] of Object.entries(file.cases)) {
      await context.test(name, async () => {
        const made = await answer(file, given);
        const names = Object.keys(made).filter((key) => key in answers);
        // "accepted_by_javascript" replaces "accepted" where this language is an exception.
        if ("accepted_by_javascript" in answers) {
          assert.equal(made.accepted, answers.accepted_by_javascript);
          names.splice(names.indexOf("accepted"), 1);
        }
        assert.ok(names.length || "accepted_by_javascript" in answers, "nothing is compared");
        for (const key of names) {
          const tolerance = file.tolerances[key] ?? 0;
          assert.ok(
            isClose(made[key], answers[key], tolerance),
            `${key}\nis       ${JSON.stringify(made[key])}\nexpected ${JSON.stringify(answers[key])}`,
          );
          assert.ok(!isClose(made[key], changed(answers[key]), tolerance), `${key}: cannot fail`);
        }
      });
    }
  });
}

function contractAnswers({ text }, { edits, path, values }) {
  if (edits) {
    const edited = edits.reduce(
      (old, [find, replacement]) => (find ? old.replace(find, () => replacement) : replacement),
      text,
    );
    return { accepted: isContract(edited) };
  }
  const accepts = (value) => {
    const document = JSON.parse(text);
    const parent = path.slice(0, -1).reduce((object, key) => object[key], document);
    if (value === undefined) delete parent[path.at(-1)];
    else parent[path.at(-1)] = value;
    return isContract(JSON.stringify(document));
  };
  return { accepted: values.filter(accepts), accepted_without: accepts(undefined) };
}

function isContract(text) {
  try {
    readContract(text);
    return true;
  } catch (error) {
    assertSentence(error, ModelFileError);
    return false;
  }
}

async function modelFileAnswers({ file }, { edits }) {
  let content = new Uint8Array(readFileSync(new URL(file, ROOT)));
  for (const { keep, append, flip_bits_of, mask } of edits) {
    if (keep !== undefined) content = content.slice(0, keep);
    else if (append !== undefined)
      content = Uint8Array.from([...content, ...Buffer.from(append, "hex")]);
    else content[flip_bits_of] ^= mask;
  }
  try {
    await readModelFile(content.buffer);
    return { accepted: true };
  } catch (error) {
    assertSentence(error, ModelFileError);
    return { accepted: false };
  }
}

function resamplingAnswers(file, { rate_hz, times_s, samples }) {
  const counts = { interpolated: 0 };
  const resampler = new Resampler(rate_hz, samples[0].length, counts);
  const grid = times_s.flatMap((timeS, i) => resampler.push(timeS, Float32Array.from(samples[i])));
  return {
    polyphase_times_s: grid.map(({ timeS }) => timeS),
    polyphase_samples: grid.map(({ sample }) => Array.from(sample)),
    polyphase_received: grid.map(({ received }) => received),
    polyphase_interpolated: counts.interpolated,
  };
}

// One stream, sample by sample; a refusal does not end it.
async function gapsAnswers({ contract, samples }, given) {
  const { window_samples, hop_samples, gravity, scale, faults = {}, silences = {} } = given;
  const own = {
    ...contract,
    window_samples: window_samples ?? contract.window_samples,
    hop_samples: hop_samples ?? contract.hop_samples,
    stream: { ...contract.stream, gravity: gravity ?? contract.stream.gravity },
  };
  const recognizer = new Recognizer(readContract(JSON.stringify(own)), { infer: softmaxOfMeans });
  const decisions = [];
  const refused = [];
  const times = given.times.flatMap(({ at_s, from_s, n, rate_hz }) =>
    at_s
      ? at_s.map((timeS) => timeS ?? NaN)
      : Array.from({ length: n }, (_, k) => from_s + k / rate_hz),
  );
  for (const [i, timeS] of times.entries()) {
    for (const [index, silenceS] of Object.entries(silences)) {
      if (Number(index) === i) decisions.push(...recognizer.silent(silenceS));
    }
    const row = samples[i % samples.length].map((value, c) => value * (scale?.[c] ?? 1));
    const values = faults[i]?.map((value) => value ?? NaN) ?? row;
    try {
      decisions.push(...(await recognizer.take(timeS, values)));
    } catch (error) {
      assertSentence(error, StreamError);
      refused.push(i);
    }
  }
  return {
    polyphase_decisions: decisions.map(({ timeS, state, label, event }) => [
      timeS,
      state,
      label,
      event,
    ]),
    polyphase_probabilities: decisions
      .map(({ probabilities }) => probabilities)
      .filter(({ length }) => length),
    polyphase_refused: refused,
    polyphase_counts: recognizer.counts,
  };
}

// Stands in for a network, as MeanModel in golden/remake.py.
function softmaxOfMeans(window) {
  const exponents = [3, 4, 5].map((column) => {
    let sum = 0;
    for (let at = column; at < window.length; at += 6) sum += window[at];
    return Math.exp(Math.min(Math.max((4 * sum) / (window.length / 6), -20), 20));
  });
  const total = exponents.reduce((sum, exponent) => sum + exponent, 0);
  return Float32Array.from(exponents, (exponent) => exponent / total);
}

function decisionsAnswers({ labels }, { decision, times_s, probabilities }) {
  const smoother = new Smoother(decision, labels);
  const made = times_s.map((timeS, i) => smoother.decide(timeS, probabilities[i]));
  return {
    labels: made.map(({ label }) => label),
    events: made.map(({ event }) => event),
    probabilities: made.map((decided) => decided.probabilities),
  };
}

// Whether two values are equal; numbers may differ by the tolerance, relative to the expected one
// where that is above 1.
function isClose(made, expected, tolerance) {
  if (typeof expected === "number" && typeof made === "number") {
    return Math.abs(made - expected) <= tolerance * Math.max(1, Math.abs(expected));
  }
  if (expected === null || typeof expected !== "object") return made === expected;
  const keys = Object.keys(expected);
  return (
    made !== null &&
    typeof made === "object" &&
    Array.isArray(made) === Array.isArray(expected) &&
    Object.keys(made).length === keys.length &&
    keys.every((key) => isClose(made[key], expected[key], tolerance))
  );
}

// The same with the value in the middle changed a little more than is tolerated.
function changed(value) {
  if (typeof value === "number") return value + 2e-4 * Math.max(1, Math.abs(value));
  if (typeof value === "boolean") return !value;
  if (typeof value === "string") return `${value}x`;
  if (value === null) return "x";
  const keys = Object.keys(value);
  if (!keys.length) return [0];
  const middle = keys[keys.length >> 1];
  const copy = structuredClone(value);
  copy[middle] = changed(copy[middle]);
  return copy;
}

// A refusal is one sentence fit for the page.
function assertSentence(error, kind) {
  assert.ok(error instanceof kind, error.stack);
  assert.match(error.message, /^[A-Z].{20,600}\.$/u);
}
