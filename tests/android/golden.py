"""Golden vectors: what edge_runtime computes, for the Kotlin tests to reproduce.

A case is a folder. Arrays are little-endian without header, ``NAME.f64`` and ``NAME.i64``; those
whose names end in ``_in``, and the documents, are what is given, all others are what must come out.
"""

import json
from pathlib import Path

import numpy as np

import edge_runtime
from edge_runtime.contract.container import read_model
from edge_runtime.contract.head import fit_head
from edge_runtime.contract.spec import (
    CHANNELS,
    SCHEMA,
    Contract,
    DecisionSpec,
    FrontEndSpec,
    Provenance,
    Quantisation,
    SpectrogramSpec,
    StreamSpec,
)
from edge_runtime.decision import GAP, RECOGNISED, UNKNOWN, WARMING_UP, Smoother
from edge_runtime.errors import ContractError, StreamError
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.statistics import STATISTICS
from edge_runtime.network.interpreter import quantise
from edge_runtime.recognizer import Recognizer
from edge_runtime.sources.merge import SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.resampler import LinearResampler
from img2imu.nuisances import nuisance_copies

DEMO = Path(edge_runtime.__file__).with_name("data") / "demo.tflite"
STATES = (RECOGNISED, UNKNOWN, GAP, WARMING_UP)


def write_golden(folder):
    """Write every case."""
    generator = np.random.default_rng(0)
    for write in (
        _front_ends,
        _resamplers,
        _quantisers,
        _smoothers,
        _heads,
        _nuisances,
        _contracts,
        _files,
        _recognizers,
        _mergers,
    ):
        write(folder, generator)


class _Case:
    def __init__(self, folder, name):
        self._folder = folder / name
        self._folder.mkdir()

    def doubles(self, **arrays):
        self._write("f64", "<f8", arrays)

    def wholes(self, **arrays):
        self._write("i64", "<i8", arrays)

    def json(self, name, document):
        self.text(f"{name}.json", json.dumps(document))

    def text(self, name, text):
        (self._folder / name).write_text(text)

    def bytes(self, name, content):
        (self._folder / name).write_bytes(content)

    def _write(self, ending, dtype, arrays):
        for name, values in arrays.items():
            self.bytes(f"{name}.{ending}", np.ascontiguousarray(values, dtype).tobytes())


def _contract(
    channels=6,
    rate_hz=50.0,
    window_samples=64,
    hop_samples=8,
    spectrograms=((16, 8), (32, 8)),
    decision=None,
    **front_end,
):
    triples = (
        ((0, 0, 0),) if channels == 1 else tuple((i, i + 1, i + 2) for i in range(0, channels, 3))
    )
    values = {
        "spectrograms": tuple(SpectrogramSpec(*s) for s in spectrograms),
        "frequency_knee_hz": 1.0,
        "image_height": 13,
        "image_width": 10,
        "image_channels": triples,
        "min_db": (-50.0,) * channels,
        "max_db": (30.0,) * channels,
        "statistics": tuple(STATISTICS),
    }
    stream = StreamSpec(CHANNELS[:channels], rate_hz, "included" if channels > 1 else "unknown")
    return Contract(
        SCHEMA,
        "a test",
        stream,
        window_samples,
        hop_samples,
        FrontEndSpec(**values | front_end),
        ("rest", "walk", "jump"),
        decision or DecisionSpec(2),
        Quantisation("none", "none", "none"),
        Provenance("made up", "0" * 64, 1, 0, "2026-01-01", {"numpy": "2"}, None, 0.5),
    )


def _motion(generator, n, channels=6, rate_hz=50.0):
    """Swings, noise and gravity."""
    time_s = np.arange(n)[:, None] / rate_hz
    samples = np.sin(2 * np.pi * generator.uniform(0.3, 6, channels) * time_s) * generator.uniform(
        0.1, 4, channels
    )
    samples += generator.normal(0, 0.05, (n, channels))
    samples[:, min(2, channels - 1)] += 9.81
    return samples.astype(np.float32)


def _front_ends(folder, generator):
    demo = read_model(DEMO)
    cases = {
        "demo": (demo.contract, demo.golden.windows),
        "acc": (
            _contract(3, window_samples=150, spectrograms=((30, 6), (64, 6)), hop_samples=12),
            None,
        ),
        "one": (_contract(1, 100.0, 97, 7, ((24, 7),), image_height=40, image_width=37), None),
        "swapped": (
            _contract(6, image_channels=((5, 0, 1), (2, 2, 2)), statistics=("kurtosis", "mean")),
            None,
        ),
    }
    for name, (contract, windows) in cases.items():
        n, channels = contract.window_samples, len(contract.stream.channels)
        if windows is None:
            windows = np.stack(
                [_motion(generator, n, channels, contract.stream.rate_hz) for _ in range(5)]
            )
        features = FrontEnd.of(contract).compute_batch(windows)
        case = _Case(folder, f"front_end-{name}")
        case.text("contract.json", contract.to_json())
        case.doubles(windows=windows, images=features.images, statistics=features.statistics)


def _resamplers(folder, generator):
    for name, sensor_hz, grid_hz, start_s in (
        ("slower", 47.0, 50.0, 0.0),
        ("faster", 119.0, 50.0, 3e5),
        ("same", 50.0, 50.0, 1.7e9),
    ):
        jitter_s = 0 if name == "same" else generator.uniform(0, 0.3 / sensor_hz, 400)
        times = start_s + np.arange(400) / sensor_hz + jitter_s
        samples = _motion(generator, 400)
        piece = LinearResampler(grid_hz, 6).resample(times, samples)
        case = _Case(folder, f"resampler-{name}")
        case.doubles(
            times_in=times,
            samples_in=samples,
            rate_hz_in=[grid_hz],
            times=piece.times_s,
            samples=piece.samples,
            received=piece.received,
        )
        case.wholes(channels=[6], interpolated=[piece.interpolated])


def _quantisers(folder, generator):
    for dtype, scale, zero in (
        (np.int8, 0.0078125, -3),
        (np.uint8, 0.00392157, 128),
        (np.int8, 0.0131, 17),
    ):
        values = np.concatenate(
            [generator.uniform(-3, 3, 500), np.arange(-300, 300) * scale / 2, [1e9, -1e9]]
        )
        tensor = {"dtype": dtype, "quantization": (scale, zero)}
        stored = quantise(values.astype(np.float32), tensor)
        loaded = (stored.astype(np.float32) - np.float32(zero)) * np.float32(
            scale
        )  # as in Model._output
        name = np.dtype(dtype).name
        case = _Case(folder, f"quantiser-{name}-{zero}")
        case.json("settings", {"type": name.upper(), "scale": scale, "zero_point": zero})
        case.doubles(values_in=values.astype(np.float32), values=loaded)
        case.wholes(integers=stored)


def _smoothers(folder, generator):
    specs = {
        "plain": DecisionSpec(3),
        "threshold": DecisionSpec(2, 0.5, {"walk": 0.7}),
        "debounced": DecisionSpec(1, 0.4, {}, 3, 2.0),
    }
    for name, spec in specs.items():
        contract = _contract(decision=spec)
        times = np.cumsum(generator.uniform(0.2, 0.4, 120))
        logits = np.repeat(generator.normal(0, 2, (20, 3)), 6, 0) + generator.normal(0, 1, (120, 3))
        rows = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)
        smoother = Smoother(spec, contract.labels)
        decisions = [smoother.decide(t, row) for t, row in zip(times.tolist(), rows, strict=True)]
        case = _Case(folder, f"smoother-{name}")
        case.text("contract.json", contract.to_json())
        case.doubles(
            times_in=times, probabilities_in=rows, smoothed=[d.probabilities for d in decisions]
        )
        case.wholes(
            labels=[-1 if d.label is None else contract.labels.index(d.label) for d in decisions],
            events=[d.event for d in decisions],
        )


def _heads(folder, generator):
    for name, per_class, n_copies in (
        ("one", 1, 0),
        ("five", 5, 0),
        ("copies", 3, 4),
        ("one-copies", 1, 7),
    ):
        blocks, n = [40, 12, 20], 3 * per_class
        classes = np.repeat(np.arange(3), per_class)
        centres = generator.normal(0, 1, (3, 72))
        features = (centres[classes] + generator.normal(0, 0.7, (n, 72))).astype(np.float32)
        features[:, 5] = 1  # a feature that never changes
        copies = (features + generator.normal(0, 0.3, (n_copies, n, 72))).astype(np.float32)
        asked = generator.normal(0, 1, (30, 72)).astype(np.float32)
        head = fit_head(features, classes, blocks, copies if n_copies else None)
        case = _Case(folder, f"head-{name}")
        case.wholes(blocks=blocks, classes=classes)
        case.doubles(
            features_in=features,
            copies_in=copies,
            asked_in=asked,
            mean=head.mean,
            inverse_std=head.inverse_std,
            weights=head.weights,
            bias=head.bias,
            probabilities=head.probabilities(asked),
        )


def _nuisances(folder, generator):
    for name, channels in (("six", CHANNELS), ("acc", CHANNELS[:3]), ("one", CHANNELS[:1])):
        window = _motion(generator, 60, len(channels))
        case = _Case(folder, f"nuisances-{name}")
        case.json("settings", {"channels": channels})
        case.doubles(window_in=window, copies=nuisance_copies(window[None], channels)[:, 0])


def _contracts(folder, generator):
    """The demo's contract with one value changed at a time, and which of these edge_runtime takes."""
    document = json.loads(read_model(DEMO).contract.to_json())
    values = (
        None,
        True,
        -1,
        0,
        1,
        3,
        2.5,
        1e9,
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
    texts = [
        json.dumps(document),
        "",
        "[]",
        "{}",
        json.dumps(document)[:-1],
        json.dumps(document | {"more": 1}),
        json.dumps(document | {"schema": SCHEMA + 1}),
    ]
    for path in _paths(document):
        for value in (*values, _MISSING):
            texts.append(json.dumps(_changed(document, path, value)))
    case = _Case(folder, "contracts-changed")
    case.json("documents", {"texts": texts})
    case.wholes(accepted=[_accepts(Contract.from_json, text) for text in texts])


_MISSING = object()


def _paths(document, before=()):
    for key, value in document.items():
        yield (*before, key)
        if isinstance(value, dict):
            yield from _paths(value, (*before, key))


def _changed(document, path, value):
    changed = dict(document)
    if len(path) > 1:
        changed[path[0]] = _changed(document[path[0]], path[1:], value)
    elif value is _MISSING:
        del changed[path[0]]
    else:
        changed[path[0]] = value
    return changed


def _accepts(take, given):
    try:
        take(given)
    except ContractError:
        return 0
    return 1


def _files(folder, generator):
    """The demo's file, damaged in one way each."""
    content = DEMO.read_bytes()
    damaged = [
        content,
        content[:-1],
        content[: len(content) // 2],
        content[:100],
        b"",
        b"not a model",
        content + b"x",
        read_model(DEMO).tflite,
    ]
    for at in generator.integers(0, len(content), 40):
        damaged.append(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
    case = _Case(folder, "files-damaged")
    names = [f"{i}.tflite" for i in range(len(damaged))]
    for name, given in zip(names, damaged, strict=True):
        case.bytes(name, given)
    case.json("files", {"names": names})
    case.wholes(accepted=[_accepts(read_model, folder / "files-damaged" / name) for name in names])


class _StatisticsModel:
    """The softmax of the first statistics, as StatisticsInterpreter in Kotlin."""

    takes_windows = False

    def infer(self, features):
        exponents = np.exp(features.statistics[:3].astype(np.float64) / 10)
        return (exponents / exponents.sum()).astype(np.float32), np.zeros(1, np.float32)


def _recognizers(folder, generator):
    contract = _contract()
    even = np.arange(700) / 50
    streams = {
        "even": even,
        "gap": np.where(even > 6, even + 1.7, even),
        "set-back": np.where(even > 8, even - 6.5, even),
    }
    streams["late"] = even.copy()
    streams["late"][[100, 230, 231]] = even[[97, 230 - 1, 225]]
    streams["holes"] = even[
        (np.arange(700) < 200) | (np.arange(700) > 460) | (np.arange(700) % 20 > 16)
    ]
    streams["slow"] = np.concatenate([even[:100], 2 + np.arange(600) / 40])
    for name, times in streams.items():
        _recognizer(folder, f"recognizer-{name}", contract, times, _motion(generator, len(times)))
    faulty = _motion(generator, 700)
    faulty[400, 4] = np.nan
    _recognizer(folder, "recognizer-nan", contract, even, faulty)


def _recognizer(folder, name, contract, times, samples):
    recognizer, decisions, refused = Recognizer(contract, _StatisticsModel()), [], -1
    for i, (time_s, sample) in enumerate(zip(times.tolist(), samples, strict=True)):
        try:
            decisions += recognizer.push([time_s], sample[None])
        except StreamError as error:
            decisions += error.decisions
            refused = i
            break
    counts = recognizer.counts
    case = _Case(folder, name)
    case.text("contract.json", contract.to_json())
    case.doubles(
        times_in=times,
        samples_in=samples,
        times=[d.time_s for d in decisions],
        probabilities=np.concatenate([d.probabilities for d in decisions]),
    )
    case.wholes(
        refused=[refused],
        states=[STATES.index(d.state) for d in decisions],
        counts=[counts.late, counts.duplicate, counts.gaps],
    )


def _mergers(folder, generator):
    acc_s = np.arange(300) / 50 + generator.uniform(0, 2e-3, 300)
    gyro_s = 0.05 + np.arange(310) / 52 + generator.uniform(0, 2e-3, 310)
    gyro_s[150:] += 0.8  # longer than what is interpolated
    gyro_s[20] = acc_s[np.searchsorted(acc_s, gyro_s[20])]
    acc, gyro = (_motion(generator, n)[:, :3] for n in (300, 310))
    merger = SensorMerger(CHANNELS, Notes("a test"))
    merger.add("acc", acc_s, acc.astype(np.float64))
    merger.add("gyro", gyro_s, gyro.astype(np.float64))
    chunk = merger.pull()
    case = _Case(folder, "merger-two")
    case.doubles(
        acc_times_in=acc_s,
        acc_in=acc,
        gyro_times_in=gyro_s,
        gyro_in=gyro,
        times=chunk.timestamps_s,
        samples=chunk.samples,
    )
