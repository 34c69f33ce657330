"""Make the golden files: inputs, and what Python answers to them.

``python golden/remake.py`` writes every file in this folder again. tests/test_golden.py checks that
what it would write is what is committed. README.md says what each file holds and who runs it.

The inputs are drawn with Python's own generator, whose numbers are the same in every version, and
are rounded to a few decimals, so that they are exact in every language.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.contract.container import read_model
from edge_runtime.contract.head import fit_head
from edge_runtime.contract.spec import CHANNELS, SCHEMA, TAUGHT_SCHEMA, Contract, DecisionSpec
from edge_runtime.decision import Smoother
from edge_runtime.errors import ContractError, StreamError
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.statistics import STATISTICS
from edge_runtime.recognizer import Recognizer
from edge_runtime.sources.merge import SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.resampler import LinearResampler, PolyphaseResampler
from img2imu.nuisances import nuisance_copies

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
MODEL = "android_demo/app/src/main/assets/demo.tflite"
LINE_CHARACTERS = 100

Document = dict[str, Any]


# -- contract.json ---------------------------------------------------------------------------------

MISSING = object()
# Tried in every place of the document.
ANY_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    3,
    2.5,
    1_000_000_000,
    "",
    "x",
    "a\nb",
    [],
    [1],
    ["a", "a"],
    [[0, 1, 9]],
    {},
    {"ABD": 2},
)
# Tried in one place more: the limits, and what lies next to them.
MORE_VALUES: dict[str, tuple[Any, ...]] = {
    "name": ("zwei Wörter", " ", "\u3000", "a\u2028b", "a\x7fb", "\ud83d\ude00"),
    "stream.channels": (
        ["acc_x"],
        ["gyro_z"],
        ["acc_x", "acc_y"],
        ["acc_y", "acc_x", "acc_z"],
        [*CHANNELS[:5], "acc_x"],
        [*CHANNELS[:5], "mag_x"],
        list(reversed(CHANNELS)),
    ),
    "stream.rate_hz": (10, 9.999, 400, 400.5),
    "stream.gravity": ("removed", "unknown", "Included"),
    "stream.rate_tolerance": (0.5, 0.999, 1e-9),
    "stream.max_gap_s": (0.04, 0.0399, 60, 60.5),
    "window_samples": (16, 15, 127, 128, 249, 1_000_000),
    "hop_samples": (8, 16, 20, 24, 1_000_000),
    "front_end.spectrograms": (
        [{"fft_samples": 250, "step_samples": 8}],
        [{"fft_samples": 251, "step_samples": 8}],
        [{"fft_samples": 2, "step_samples": 1}],
        [{"fft_samples": 32, "step_samples": 5}],
        [{"fft_samples": 32, "step_samples": 8, "taper": "hann"}],
        [{"fft_samples": 32}],
        [{"fft_samples": 32, "step_samples": 8}] * 16,
        [{"fft_samples": 32, "step_samples": 8}] * 17,
    ),
    "front_end.frequency_knee_hz": (0.001, 0.0009, 1000, 1001),
    "front_end.image_height": (1024, 1025),
    "front_end.image_width": (1024, 1025),
    "front_end.image_channels": ([[0, 1, 2]], [[5, 5, 5]], [[0, 1, 6]], [[0, 1]], [[0, 1, -1]]),
    "front_end.min_db": ([-300] * 6, [-300.5] * 6, [-50] * 5),
    "front_end.max_db": ([300] * 6, [300.5] * 6, [-100] * 6),
    "labels": (
        ["ABD", "ER", "FEL", "IR", "PEN", "ROW", "TRAP"],
        ["a", "b", "c", "d", "e", "f", ""],
        ["only one"],
    ),
    "decision.smoothing_windows": (1000, 1001),
    "decision.threshold": (1.0, 1.001, 0.5),
    "decision.class_thresholds": ({"ABD": 1}, {"ABD": 1.01}, {"nobody": 0.5}, {"ABD": "0.5"}),
    "decision.debounce_decisions": (1000, 1001),
    "decision.refractory_s": (3600, 3601, 0.5),
}


def contract() -> Document:
    """Contracts, valid and invalid: which does a reader accept?"""
    document = json.loads(read_model(ROOT / MODEL).contract.to_json())
    document["decision"] = {
        "smoothing_windows": 3,
        "threshold": 0.5,
        "class_thresholds": {"ABD": 0.75},
        "debounce_decisions": 2,
        "refractory_s": 1.5,
    }
    cases: Document = {}
    for path in _paths(document):
        place = ".".join(path)
        values = [*ANY_VALUES, *MORE_VALUES.get(place, ())]
        verdicts = [_is_contract(json.dumps(_changed(document, path, value))) for value in values]
        accepted = [value for value, verdict in zip(values, verdicts, strict=True) if verdict]
        without = _is_contract(json.dumps(_changed(document, path, MISSING)))
        cases[place] = {
            "given": {"path": list(path), "values": values},
            "answers": {"accepted": accepted, "accepted_without": without},
        }
    text = json.dumps(document)
    for name, edits in _text_edits().items():
        edited_text = text
        for find, replacement in edits:
            assert find in text
            edited_text = edited_text.replace(find, replacement, 1) if find else replacement
        answers: Document = {"accepted": _is_contract(edited_text)}
        if name == "taught":
            answers |= {"accepted_by_kotlin": False, "accepted_by_javascript": False}
        elif name == "a whole number with a point":
            answers |= {"accepted_by_javascript": True}
        cases[name] = {"given": {"edits": edits}, "answers": answers}
    return {"text": text, "cases": cases}


def _text_edits() -> dict[str, list[list[str]]]:
    """What to replace in the document's text, and by what; nothing to replace means all of it."""
    begin = '{"schema": 1, '
    taught = (
        '"taught": {"blocks": [1440, 1728, 12, 146], "windows": [2, 2, 2, 2, 2, 2, 2], '
        '"background_windows": 0, "background_s": 0, "false_triggers_per_hour": null, '
        '"missed": 0.1}, '
    )
    return {
        "unchanged": [],
        "no optional key": [
            [
                ', "class_thresholds": {"ABD": 0.75}, "debounce_decisions": 2, "refractory_s": 1.5',
                "",
            ]
        ],
        "empty": [["", ""]],
        "a list": [["", "[]"]],
        "no key": [["", "{}"]],
        "null": [["", "null"]],
        "nested too deep": [["", "[" * 2000]],
        "no end": [['"macro_f1": null}}', '"macro_f1": null}']],
        "more text": [['"macro_f1": null}}', '"macro_f1": null}} {}']],
        "a comma too many": [['"macro_f1": null}}', '"macro_f1": null},}']],
        "NaN": [['"threshold": 0.5', '"threshold": NaN']],
        "infinite": [['"threshold": 0.5', '"threshold": 1e999']],
        "a byte order mark": [[begin, "\ufeff" + begin]],
        "single quotes": [['"schema"', "'schema'"]],
        "a key twice, the last one right": [[begin, '{"schema": 9, ' + begin[1:]]],
        "a key twice, the last one wrong": [[begin, begin + '"schema": 9, ']],
        "an unknown key": [[begin, begin + '"more": 1, ']],
        "an unknown key inside": [['"threshold": 0.5', '"threshold": 0.5, "more": 1']],
        "a newer schema": [[begin, f'{{"schema": {TAUGHT_SCHEMA + 1}, ']],
        "a whole number with a point": [['"hop_samples": 16', '"hop_samples": 16.0']],
        "nothing taught": [[begin, begin + '"taught": null, ']],
        "taught, with the schema of a model that was exported": [[begin, begin + taught]],
        "the schema of a taught model, with nothing taught": [
            [begin, f'{{"schema": {TAUGHT_SCHEMA}, ']
        ],
        "taught": [[begin, f'{{"schema": {TAUGHT_SCHEMA}, ' + taught]],
    }


def _paths(document: Document, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in document.items():
        yield (*before, key)
        if isinstance(value, dict):
            yield from _paths(value, (*before, key))


def _changed(document: Document, path: Sequence[str], value: Any) -> Document:
    changed = dict(document)
    if len(path) > 1:
        changed[path[0]] = _changed(document[path[0]], path[1:], value)
    elif value is MISSING:
        del changed[path[0]]
    else:
        changed[path[0]] = value
    return changed


def _is_contract(text: str) -> bool:
    try:
        Contract.from_json(text)
    except ContractError:
        return False
    return True


# -- model_file.json -------------------------------------------------------------------------------

FLIPS = 24  # of single bits, anywhere in the file


def model_file() -> Document:
    """A model file damaged in one way each: which does a reader accept?"""
    draw = random.Random("model_file")
    content = (ROOT / MODEL).read_bytes()
    network_bytes = len(read_model(ROOT / MODEL).tflite)
    edits: dict[str, list[Document]] = {
        "unchanged": [],
        "a byte short": [{"keep": len(content) - 1}],
        "half": [{"keep": len(content) // 2}],
        "the network alone": [{"keep": network_bytes}],
        "100 bytes": [{"keep": 100}],
        "empty": [{"keep": 0}],
        "text": [{"keep": 0}, {"append": "6e6f206d6f64656c"}],
        "a byte more": [{"append": "78"}],
        "another identifier": [{"flip_bits_of": 4, "mask": 1}],
    }
    for part, name in (
        ("contract", b"img2imu.json"),
        ("labels", b"labels.txt"),
        ("checksum", b"tflite.sha256"),
        ("windows", b"golden/windows.f32"),
        ("statistics", b"golden/statistics.f32"),
        ("image samples", b"golden/image_samples.f32"),
        ("probabilities", b"golden/probabilities.f32"),
    ):
        local = content.index(name, network_bytes)
        central = content.rindex(name)
        edits[f"{part}: a bit of the content"] = [
            {"flip_bits_of": local + len(name) + 9, "mask": 1}
        ]
        edits[f"{part}: its name where it stands"] = [{"flip_bits_of": local + 2, "mask": 1}]
        edits[f"{part}: its name in the directory"] = [{"flip_bits_of": central + 2, "mask": 1}]
        edits[f"{part}: its checksum in the directory"] = [
            {"flip_bits_of": central - 30, "mask": 1}
        ]
    for _ in range(FLIPS):
        at = _below(draw, len(content))
        edits[f"a bit of byte {at}"] = [{"flip_bits_of": at, "mask": 1 << _below(draw, 8)}]
    cases = {
        name: {
            "given": {"edits": steps},
            "answers": {"accepted": _is_model(edited(content, steps))},
        }
        for name, steps in edits.items()
    }
    return {"file": MODEL, "cases": cases}


def edited(content: bytes, edits: Sequence[Document]) -> bytes:
    """Damage a file's content step by step."""
    for edit in edits:
        if "keep" in edit:
            content = content[: edit["keep"]]
        elif "append" in edit:
            content = content + bytes.fromhex(edit["append"])
        else:
            at = edit["flip_bits_of"]
            content = content[:at] + bytes([content[at] ^ edit["mask"]]) + content[at + 1 :]
    return content


def _is_model(content: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        try:
            read_model(path)
        except ContractError:
            return False
    return True


# -- resampling.json -------------------------------------------------------------------------------


def resampling() -> Document:
    """A sensor's samples, and the samples on the model's grid."""
    cases: Document = {}
    for name, sensor_hz, start_s, jitter_s, samples in (
        ("slower than the grid", 47.0, 0.0, 0.004, 90),
        ("faster than the grid", 119.0, 300_000.0, 0.002, 150),
        ("the rate of the grid, seconds since 1970", 50.0, 1_700_000_000.0, 0.0, 60),
        ("a pause of 0.3 s", 50.0, 5.0, 0.0, 90),
    ):
        draw = random.Random(name)
        times = [
            start_s + round(i / sensor_hz + draw.random() * jitter_s, 6) for i in range(samples)
        ]
        if "pause" in name:
            times = [time_s + 0.3 * (i >= 40) for i, time_s in enumerate(times)]
        rows = _motion(draw, samples, 2, sensor_hz)
        answers = {}
        for kind, resampler in (
            ("linear", LinearResampler(50.0, 2)),
            ("polyphase", PolyphaseResampler(50.0, 2)),
        ):
            piece = resampler.resample(np.array(times), np.array(rows, np.float32))
            answers |= {
                f"{kind}_times_s": piece.times_s.tolist(),
                f"{kind}_samples": _short(piece.samples),
                f"{kind}_received": piece.received.tolist(),
                f"{kind}_interpolated": piece.interpolated,
            }
        cases[name] = {
            "given": {"rate_hz": 50.0, "times_s": times, "samples": rows},
            "answers": answers,
        }
    tolerances = {"polyphase_samples": 1e-6, "linear_received": 1e-12, "polyphase_received": 1e-12}
    return {"tolerances": tolerances, "cases": cases}


# -- gaps.json -------------------------------------------------------------------------------------

TABLE_ROWS = 150


def gaps() -> Document:
    """Streams with pauses, disorder and faults, and every decision that comes of them."""
    contract = _contract(decision={"smoothing_windows": 2, "threshold": 0.0})
    table = _motion(random.Random("gaps"), TABLE_ROWS, 6, 50.0)
    cases = {}
    for name, given in _streams().items():
        answers: Document = {}
        for kind in ("linear", "polyphase"):
            answers |= {
                f"{kind}_{key}": value
                for key, value in _answer(contract, table, given, kind).items()
            }
        if name == "silence: the sensor's clock stood still":
            # A phone's sensors run on a clock that does not stand still: Kotlin has no such rule.
            answers = {key: value for key, value in answers.items() if "polyphase" in key}
        cases[name] = {"given": given, "answers": answers}
    return {
        "tolerances": {"linear_probabilities": 2e-6, "polyphase_probabilities": 1e-5},
        "contract": contract,
        "samples": table,
        "cases": cases,
    }


def _streams() -> dict[str, Document]:
    """Return each stream's input by its name; times are listed, or pieces of an even stream."""

    def piece(from_s: float, n: int, rate_hz: float = 50.0) -> Document:
        return {"from_s": from_s, "n": n, "rate_hz": rate_hz}

    def at(*times_s: float | None) -> Document:
        return {"at_s": list(times_s)}

    def stream(*times: Document, **more: Any) -> Document:
        return {"times": list(times), **more}

    return {
        "even": stream(piece(0, 300)),
        "even, seconds since 1970": stream(piece(1_700_000_000.25, 200)),
        "46 samples a second": stream(piece(0, 200, 46)),
        "54 samples a second": stream(piece(0, 200, 54)),
        "44 samples a second": stream(piece(0, 200, 44)),
        "56 samples a second": stream(piece(0, 200, 56)),
        "100 samples a second": stream(piece(0, 300, 100)),
        "slower after 2 s": stream(piece(0, 100), piece(2, 200, 40)),
        "a pause of 0.5 s": stream(piece(0, 100), piece(2.48, 150)),
        "a pause of 0.52 s": stream(piece(0, 100), piece(2.5, 150)),
        "a pause of 1.7 s": stream(piece(0, 150), piece(4.68, 150)),
        "two pauses of 0.36 s, windows of 5 s": stream(
            piece(0, 350), piece(7.34, 10), piece(7.88, 450), window_samples=250, hop_samples=16
        ),
        "two pauses of 0.36 s, windows of 1.28 s": stream(
            piece(0, 100), piece(2.34, 40), piece(3.48, 150)
        ),
        "four samples of 20 are lost": stream(
            piece(0, 120), *[piece(2.4 + 0.4 * i, 16) for i in range(8)], piece(5.6, 100)
        ),
        "every second sample is lost for a second": stream(
            piece(0, 120), piece(2.4, 25, 25), piece(3.4, 120)
        ),
        "pauses before a window is full": stream(*[piece(i, 20) for i in range(12)]),
        "milliseconds for seconds": stream(piece(0, 25, 0.05)),
        "microseconds too short": stream(piece(0, 2800, 5_000_000)),
        "a sample too late": stream(piece(0, 100), at(1.91), piece(2, 60)),
        "two samples changed places": stream(piece(0, 100), at(2.02, 2.0), piece(2.04, 60)),
        "a sample twice": stream(piece(0, 100), at(1.98), piece(2, 60)),
        "time stands still for 20 samples": stream(piece(0, 100), at(*[1.98] * 20), piece(2, 60)),
        "time stands still for 30 samples": stream(piece(0, 100), at(*[1.98] * 30), piece(2, 100)),
        "the clock is set back by 6.5 s": stream(piece(10, 120), piece(5.9, 150)),
        "the clock is set back by 3 s": stream(piece(10, 120), piece(9.4, 200)),
        "the clock is set back by 0.4 s": stream(piece(10, 120), piece(12, 120)),
        "the clock is set forward": stream(piece(0, 120), piece(1_700_000_000, 100)),
        "a value is no number": stream(piece(0, 200), faults={"110": [0, 0, 9.8, 0, None, 0]}),
        "a value is too large": stream(piece(0, 200), faults={"110": [0, 1e6, 9.8, 0, 0, 0]}),
        "a value is just small enough": stream(
            piece(0, 200), faults={"110": [0, 0, 9.8, 0, 999_999, 0]}
        ),
        "a time is no number": stream(piece(0, 100), at(None), piece(2, 100)),
        "accelerations in g": stream(piece(0, 100), scale=[0.102, 0.102, 0.102, 1, 1, 1]),
        "accelerations in thousandths of g": stream(piece(0, 100), scale=[102, 102, 102, 1, 1, 1]),
        "accelerations in raw counts": stream(piece(0, 100), scale=[1670, 1670, 1670, 1, 1, 1]),
        "accelerations without gravity": stream(piece(0, 100), scale=[1, 1, 0.01, 1, 1, 1]),
        "the accelerometer gives zeros": stream(piece(0, 100), scale=[0, 0, 0, 1, 1, 1]),
        "turning in degrees": stream(piece(0, 100), scale=[1, 1, 1, 100, 100, 100]),
        "a model without gravity": stream(piece(0, 100), gravity="removed"),
        "a model without gravity, motion without": stream(
            piece(0, 150), gravity="removed", scale=[1, 1, 0.01, 1, 1, 1]
        ),
        "the accelerometer dies": stream(
            piece(0, 250), faults={str(i): [0, 0, 0, 0.1, 0.1, 0.1] for i in range(100, 190)}
        ),
        "silence: samples were only on their way": stream(piece(0, 200), silences={"120": 0.03}),
        "silence: a pause": stream(piece(0, 120), piece(4, 120), silences={"120": 1.6}),
        "silence: told twice": stream(
            piece(0, 120), piece(4, 20), silences={"120": 1.6, "120 ": 2}
        ),
        "silence: before a window is full": stream(
            piece(0, 30), piece(0.98, 150), silences={"30": 0.6}
        ),
        "silence: before anything came": stream(piece(0, 100), silences={"0": 1.0}),
        "silence: the sensor's clock stood still": stream(piece(0, 250), silences={"120": 2.0}),
    }


def _answer(contract: Document, table: list[list[float]], given: Document, kind: str) -> Document:
    """Run one stream through the recogniser, sample by sample; a refusal does not end it."""
    recognizer = Recognizer(
        Contract.from_json(json.dumps(stream_contract(contract, given))),
        MeanModel(),  # type: ignore[arg-type]
        polyphase=kind == "polyphase",
    )
    decisions: list[Any] = []
    refused: list[int] = []
    for i, (time_s, sample, silence_s) in enumerate(stream_samples(table, given)):
        decisions += [d for silent_s in silence_s for d in recognizer.silent(silent_s)]
        try:
            decisions += recognizer.push([time_s], np.array([sample], np.float32))
        except StreamError as error:
            decisions += error.decisions
            refused.append(i)
    recognizer.flush()  # so that every sample is counted
    counts = dataclasses.asdict(recognizer.counts)
    del counts["waiting"]
    return {
        "decisions": [[d.time_s, d.state, d.label, d.event] for d in decisions],
        "probabilities": [
            [round(p, 6) for p in d.probabilities] for d in decisions if d.probabilities
        ],
        "refused": refused,
        "counts": counts,
    }


def stream_contract(contract: Document, given: Document) -> Document:
    """The contract of one stream: the file's, with what the stream changes."""
    changed = contract | {
        key: given[key] for key in ("window_samples", "hop_samples") if key in given
    }
    if "gravity" in given:
        changed |= {"stream": contract["stream"] | {"gravity": given["gravity"]}}
    return changed


def stream_samples(
    table: list[list[float]], given: Document
) -> Iterator[tuple[float, list[float], list[float]]]:
    """Each sample's time, its values, and the silences told before it came."""
    times_s: list[float] = []
    for part in given["times"]:
        if "at_s" in part:
            times_s += [math.nan if time_s is None else time_s for time_s in part["at_s"]]
        else:
            times_s += [part["from_s"] + k / part["rate_hz"] for k in range(part["n"])]
    scale = given.get("scale", [1] * 6)
    faults = given.get("faults", {})
    for i, time_s in enumerate(times_s):
        row = table[i % len(table)]
        values = [value * factor for value, factor in zip(row, scale, strict=True)]
        if str(i) in faults:
            values = [math.nan if value is None else value for value in faults[str(i)]]
        silences = given.get("silences", {})
        yield time_s, values, [s for index, s in silences.items() if int(index) == i]


class MeanModel:
    """Stand-in for a network: the softmax of 4 times the mean of each of the last three channels.

    Before the softmax, the values are clipped to -20..20.
    """

    takes_windows = True

    def infer(self, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Answer to a window (n, channels): probabilities (3,) and an embedding of no meaning."""
        exponents = np.exp(np.clip(4 * window[:, 3:].astype(np.float64).mean(0), -20, 20))
        return (exponents / exponents.sum()).astype(np.float32), np.zeros(1, np.float32)


# -- decisions.json --------------------------------------------------------------------------------


def decisions() -> Document:
    """Probabilities of windows, and the labels that the settings make of them."""
    labels = ["rest", "walk", "constructor"]  # the last is a name that JavaScript's objects have
    cases: Document = {}
    for name, spec in {
        "smoothing": {"smoothing_windows": 3, "threshold": 0.0},
        "threshold": {"smoothing_windows": 2, "threshold": 0.5},
        "thresholds of classes": {
            "smoothing_windows": 1,
            "threshold": 0.45,
            "class_thresholds": {"walk": 0.8},
        },
        "debounce": {"smoothing_windows": 1, "threshold": 0.4, "debounce_decisions": 3},
        "refractory time": {"smoothing_windows": 1, "threshold": 0.4, "refractory_s": 2.0},
        "all of them": {
            "smoothing_windows": 2,
            "threshold": 0.4,
            "class_thresholds": {"rest": 0.6},
            "debounce_decisions": 2,
            "refractory_s": 1.5,
        },
    }.items():
        draw = random.Random(name)
        times_s, rows = _probabilities(draw)
        smoother = Smoother(DecisionSpec(**spec), tuple(labels))
        made = [
            smoother.decide(time_s, np.array(row))
            for time_s, row in zip(times_s, rows, strict=True)
        ]
        cases[name] = {
            "given": {"decision": spec, "times_s": times_s, "probabilities": rows},
            "answers": {
                "labels": [d.label for d in made],
                "events": [d.event for d in made],
                "probabilities": [list(d.probabilities) for d in made],
            },
        }
    return {"tolerances": {"probabilities": 1e-12}, "labels": labels, "cases": cases}


def _probabilities(draw: random.Random) -> tuple[list[float], list[list[float]]]:
    """Spells of one class, with ties and values that lie on the thresholds among them."""
    times_s, rows = [], []
    time_s = 100.0
    for spell in range(12):
        likely = _below(draw, 3)
        for _ in range(1 + _below(draw, 5)):
            time_s = round(time_s + 0.2 + 0.2 * draw.random(), 3)
            shares = [draw.random() + 2 * draw.random() * (c == likely) for c in range(3)]
            rows.append([round(share / sum(shares), 3) for share in shares])
            times_s.append(time_s)
        times_s.append(time_s := round(time_s + 0.3, 3))
        rows.append([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0], [0.4, 0.2, 0.4]][spell % 3])
    return times_s, rows


# -- heads.json ------------------------------------------------------------------------------------


def heads() -> Document:
    """Embeddings of taught windows, the head fitted on them, and what it answers."""
    cases: Document = {}
    blocks = [10, 4, 6]
    d = sum(blocks)
    for name, per_class, n_copies in (
        ("one window per class", 1, 0),
        ("five windows per class", 5, 0),
        ("three windows per class, with copies", 3, 4),
        ("one window per class, with copies", 1, 7),
    ):
        draw = random.Random(name)
        classes = [c for c in range(3) for _ in range(per_class)]
        centres = [_normal(draw, d) for _ in range(3)]
        features = [
            [round(a + 0.7 * b, 3) for a, b in zip(centres[c], _normal(draw, d), strict=True)]
            for c in classes
        ]
        for row in features:
            row[5] = 1.0  # a feature that never changes
        copies = [
            [
                [round(a + 0.3 * b, 3) for a, b in zip(row, _normal(draw, d), strict=True)]
                for row in features
            ]
            for _ in range(n_copies)
        ]
        others = [[round(value, 3) for value in _normal(draw, d)] for _ in range(10)]
        head = fit_head(
            np.array(features, np.float32),
            np.array(classes),
            blocks,
            np.array(copies, np.float32) if copies else None,
        )
        cases[name] = {
            "given": {"blocks": blocks, "classes": classes, "features": features}
            | {"copies": copies, "others": others},
            "answers": {
                "mean": head.mean.tolist(),
                "inverse_std": head.inverse_std.tolist(),
                "weights": head.weights.tolist(),
                "bias": head.bias.tolist(),
                "probabilities": head.probabilities(np.array(others, np.float32)).tolist(),
            },
        }
    names = ("mean", "inverse_std", "weights", "bias", "probabilities")
    return {"tolerances": dict.fromkeys(names, 1e-6), "cases": _rounded(cases)}


# -- nuisances.json --------------------------------------------------------------------------------


def nuisances() -> Document:
    """A window, and its copies at another pace, gain and tilt, from which a head learns."""
    cases: Document = {}
    for name, channels in (
        ("six channels", CHANNELS),
        ("an accelerometer", CHANNELS[:3]),
        ("one axis", CHANNELS[:1]),
    ):
        window = _motion(random.Random(name), 20, len(channels), 50.0)
        copies = nuisance_copies(np.array([window], np.float32), channels)[:, 0]
        cases[name] = {
            "given": {"channels": list(channels), "window": window},
            "answers": {"copies": _short(copies)},
        }
    return {"tolerances": {"copies": 1e-6}, "cases": cases}


# -- merging.json ----------------------------------------------------------------------------------


def merging() -> Document:
    """Events of two sensors with clocks of their own, and the one stream made of them."""
    draw = random.Random("merging")
    acc_s = [round(i / 50 + draw.random() * 2e-3, 6) for i in range(110)]
    gyro_s = [round(0.05 + i / 52 + draw.random() * 2e-3 + 0.8 * (i >= 60), 6) for i in range(90)]
    gyro_s[20] = next(time_s for time_s in acc_s if time_s > gyro_s[19])  # at the very same time
    acc, gyro = (_motion(draw, n, 3, 50.0) for n in (len(acc_s), len(gyro_s)))
    merger = SensorMerger(CHANNELS, Notes("a test"))
    merger.add("acc", np.array(acc_s), np.array(acc, np.float32).astype(np.float64))
    merger.add("gyro", np.array(gyro_s), np.array(gyro, np.float32).astype(np.float64))
    chunk = merger.pull()
    case = {
        "given": {"acc_times_s": acc_s, "acc": acc, "gyro_times_s": gyro_s, "gyro": gyro},
        "answers": {"times_s": chunk.timestamps_s.tolist(), "samples": _short(chunk.samples)},
    }
    return {"tolerances": {"samples": 1e-6}, "cases": {"the gyroscope pauses for 0.8 s": case}}


# -- front_end.json --------------------------------------------------------------------------------


def front_end() -> Document:
    """Windows, and the images and statistics that the network is given."""
    cases: Document = {}
    for name, contract in {
        "six channels": _contract(),
        "an accelerometer": _contract(
            3, window_samples=90, hop_samples=12, spectrograms=[[30, 6], [64, 6]]
        ),
        "one axis at 100 Hz": _contract(
            1,
            window_samples=97,
            hop_samples=7,
            rate_hz=100.0,
            spectrograms=[[24, 7]],
            image_height=12,
            image_width=13,
        ),
        "colours exchanged": _contract(
            image_channels=[[5, 0, 1], [2, 2, 2]], statistics=["kurtosis", "mean"]
        ),
    }.items():
        stream = contract["stream"]
        window = _motion(
            random.Random(name),
            contract["window_samples"],
            len(stream["channels"]),
            stream["rate_hz"],
        )
        features = FrontEnd.of(Contract.from_json(json.dumps(contract))).compute(
            np.array(window, np.float32)
        )
        cases[name] = {
            "given": {"contract": contract, "window": window},
            "answers": {
                "images": [_short(image.reshape(-1, 3)) for image in features.images],
                "statistics": _short(features.statistics),
            },
        }
    return {"tolerances": {"images": 1e-5, "statistics": 1e-5}, "cases": cases}


# -- shared ----------------------------------------------------------------------------------------


def _contract(
    channels: int = 6,
    window_samples: int = 64,
    hop_samples: int = 8,
    rate_hz: float = 50.0,
    spectrograms: Sequence[Sequence[int]] = ((16, 8), (32, 8)),
    image_height: int = 7,
    image_width: int = 6,
    image_channels: Sequence[Sequence[int]] | None = None,
    statistics: Sequence[str] = tuple(STATISTICS),
    decision: Document | None = None,
) -> Document:
    """A small contract, as JSON."""
    triples = [[i, i + 1, i + 2] for i in range(0, channels, 3)] if channels > 1 else [[0, 0, 0]]
    document = {
        "schema": SCHEMA,
        "name": "a test",
        "stream": {
            "channels": list(CHANNELS[:channels]),
            "rate_hz": rate_hz,
            "gravity": "included" if channels > 1 else "unknown",
            "rate_tolerance": 0.1,
            "max_gap_s": 0.5,
        },
        "window_samples": window_samples,
        "hop_samples": hop_samples,
        "front_end": {
            "spectrograms": [{"fft_samples": n, "step_samples": step} for n, step in spectrograms],
            "frequency_knee_hz": 1.0,
            "image_height": image_height,
            "image_width": image_width,
            "image_channels": [list(triple) for triple in image_channels or triples],
            "min_db": [-50.0] * channels,
            "max_db": [30.0] * channels,
            "statistics": list(statistics),
        },
        "labels": ["rest", "walk", "jump"],
        "decision": decision or {"smoothing_windows": 1, "threshold": 0.0},
        "quantisation": {"recipe": "none", "converter": "none", "quantiser": "none"},
        "provenance": {
            "data_set": "made up",
            "split_sha256": "0",
            "windows_per_class": 1,
            "seed": 0,
            "created": "2026-01-01",
            "versions": {},
            "macro_f1_float": None,
            "macro_f1": None,
        },
    }
    return json.loads(Contract.from_json(json.dumps(document)).to_json())


def _motion(draw: random.Random, n: int, channels: int, rate_hz: float) -> list[list[float]]:
    """Samples (n, channels) of swings with noise; the third channel has gravity."""
    swings = [(0.3 + 5 * draw.random(), 0.1 + 2 * draw.random()) for _ in range(channels)]
    return [
        [
            round(
                size * math.sin(2 * math.pi * hz * i / rate_hz)
                + 0.1 * (draw.random() - 0.5)
                + 9.81 * (c == 2),
                3,
            )
            for c, (hz, size) in enumerate(swings)
        ]
        for i in range(n)
    ]


def _below(draw: random.Random, n: int) -> int:
    """A whole number from 0 to n - 1, by the one method whose numbers Python promises to keep."""
    return int(draw.random() * n)


def _normal(draw: random.Random, n: int) -> list[float]:
    """Numbers that are nearly normally distributed: sums of twelve even ones (variance 1)."""
    return [sum(draw.random() for _ in range(12)) - 6 for _ in range(n)]


def _short(values: np.ndarray) -> list[Any]:
    """Float32 values with as few digits as tell them from their neighbours."""
    written = np.array([float(str(value)) for value in values.ravel()])
    assert (written.astype(np.float32) == values.ravel()).all()
    return written.reshape(values.shape).tolist()


def _rounded(value: Any) -> Any:
    """The same with every number rounded to nine decimals."""
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return round(value, 9) if isinstance(value, float) else value


KINDS: dict[str, Callable[[], Document]] = {
    "contract": contract,
    "model_file": model_file,
    "resampling": resampling,
    "gaps": gaps,
    "decisions": decisions,
    "heads": heads,
    "nuisances": nuisances,
    "merging": merging,
    "front_end": front_end,
}


def make(kind: str) -> Document:
    """Everything that the file of one kind holds."""
    make_kind = KINDS[kind]
    assert make_kind.__doc__
    return {"about": make_kind.__doc__, "tolerances": {}} | make_kind()


def to_text(value: Any, indent: int = 0) -> str:
    """Return readable JSON: what fits stands on one line, lists of numbers fill their lines."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    space = " " * (indent + 1)
    if indent + len(text) < LINE_CHARACTERS or not value or not isinstance(value, (dict, list)):
        return text
    if isinstance(value, dict):
        members = [
            f"{json.dumps(key)}: {to_text(inner, indent + 1)}" for key, inner in value.items()
        ]
        return "{\n" + ",\n".join(space + member for member in members) + "\n" + " " * indent + "}"
    elements = [to_text(element, indent + 1) for element in value]
    if any(isinstance(element, (dict, list)) for element in value):
        lines = elements
    else:
        lines = _filled(elements, LINE_CHARACTERS - indent - 2)
    return "[\n" + ",\n".join(space + line for line in lines) + "\n" + " " * indent + "]"


def _filled(elements: list[str], width: int) -> list[str]:
    lines = [""]
    for element in elements:
        if lines[-1] and len(lines[-1]) + len(element) + 2 > width:
            lines.append("")
        lines[-1] += f", {element}" if lines[-1] else element
    return lines


def main() -> None:
    """Write every file."""
    for kind in KINDS:
        path = FOLDER / f"{kind}.json"
        path.write_text(to_text(make(kind)) + "\n")
        print(f"wrote {path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
