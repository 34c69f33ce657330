"""The model contract: what a model file says about the stream it takes and the answers it gives.

It travels as ``img2imu.json`` inside the model file (see :mod:`edge_runtime.contract.container`).
docs/contract.md is its reference for people and for other languages.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_runtime.contract.strict_json import OPTIONAL, JsonError, from_json, show, to_json
from edge_runtime.contract.taught import TaughtSpec
from edge_runtime.errors import ContractError

SCHEMA = 1
TAUGHT_SCHEMA = 2  # of a file that was taught on a device, which readers of schema 1 cannot honour
UNITS = {"acc": "m/s^2", "gyro": "rad/s"}  # SI, the units of Linux IIO, Android and the web
CHANNELS = tuple(f"{sensor}_{axis}" for sensor in UNITS for axis in "xyz")
RATE_HZ_LIMITS = (10.0, 400.0)
MIN_WINDOW_SAMPLES = 16
# Far above any use; what a damaged or hostile file may ask for stays within a few hundred MB.
MAX_WINDOW_SAMPLES = 1_000_000
MAX_FFT_SAMPLES = 8192
MAX_FRAMES = 8192
MAX_PIXELS = 1 << 24  # of all images of a window
MAX_GAP_S = 60.0
MAX_REFRACTORY_S = 3600.0
LEVEL_DB_LIMITS = (-300.0, 300.0)
GRAVITY = ("included", "removed", "unknown")  # unknown: fewer than three accelerometer axes


def acc_triple(channels: Sequence[str]) -> tuple[int, int, int] | None:
    """Columns of the three accelerometer axes, or None when not all three are there."""
    names = ("acc_x", "acc_y", "acc_z")
    if not set(names) <= set(channels):
        return None
    x, y, z = (channels.index(name) for name in names)
    return x, y, z


@dataclass(frozen=True)
class StreamSpec:
    """The stream of samples that the model takes.

    Attributes:
        channels: names in order, out of ``acc_x .. acc_z`` in m/s^2 and ``gyro_x .. gyro_z`` in
            rad/s.
        rate_hz: samples per second.
        gravity: whether the accelerometer's values contain gravity: included, removed, or unknown.
        rate_tolerance: largest relative deviation of a measured rate; within it the stream is
            resampled.
        max_gap_s: a longer pause between two samples empties the window.
    """

    channels: tuple[str, ...]
    rate_hz: float
    gravity: str
    rate_tolerance: float = 0.1
    max_gap_s: float = 0.5

    @property
    def acc_triple(self) -> tuple[int, int, int] | None:
        """See :func:`acc_triple`."""
        return acc_triple(self.channels)


@dataclass(frozen=True)
class SpectrogramSpec:
    """One spectrogram of every channel.

    Attributes:
        fft_samples: length of a frame, samples.
        step_samples: distance between two frames, samples.
    """

    fft_samples: int
    step_samples: int


@dataclass(frozen=True)
class FrontEndSpec:
    """How a window becomes the network's input; :mod:`edge_runtime.frontend` computes it.

    Attributes:
        spectrograms: one entry per resolution.
        frequency_knee_hz: rows are even in frequency well below this, even in its logarithm well
            above.
        image_height: rows of an image (frequency, high at the top), pixels.
        image_width: columns of an image (time), pixels.
        image_channels: per image of a resolution, the stream columns that become red, green and
            blue.
        min_db: per channel, the level drawn as -1, dB re (1 unit)^2.
        max_db: per channel, the level drawn as +1, dB re (1 unit)^2.
        statistics: names of the numbers that go beside the images, see
            :mod:`edge_runtime.frontend.statistics`.
    """

    spectrograms: tuple[SpectrogramSpec, ...]
    frequency_knee_hz: float
    image_height: int
    image_width: int
    image_channels: tuple[tuple[int, ...], ...]
    min_db: tuple[float, ...]
    max_db: tuple[float, ...]
    statistics: tuple[str, ...]

    @property
    def n_images(self) -> int:
        """Images per window."""
        return len(self.spectrograms) * len(self.image_channels)


@dataclass(frozen=True)
class DecisionSpec:
    """From probabilities to a label.

    Attributes:
        smoothing_windows: number of newest windows whose probabilities are averaged; 1 is none.
        threshold: smallest smoothed probability of a label; below it the state is ``unknown``.
        class_thresholds: label to a threshold of its own, in place of ``threshold``.
        debounce_decisions: a label is given when so many decisions in a row agree on it; 1 is at
            once.
        refractory_s: after a label has begun, no label begins for so long; until then the state is
            ``unknown``.
    """

    smoothing_windows: int = 3
    threshold: float = 0.0
    class_thresholds: dict[str, float] = field(default_factory=dict, metadata=OPTIONAL)
    debounce_decisions: int = field(default=1, metadata=OPTIONAL)
    refractory_s: float = field(default=0.0, metadata=OPTIONAL)


@dataclass(frozen=True)
class Quantisation:
    """How the network was made small: recipe, converter and their versions."""

    recipe: str
    converter: str
    quantiser: str


@dataclass(frozen=True)
class Provenance:
    """Where the model comes from.

    Attributes:
        data_set: name of the training data, and its licence where known.
        split_sha256: hash of the list of training windows.
        windows_per_class: smallest number of training windows of a class (the k of few-shot
            learning).
        seed: of every random choice.
        created: date, ISO 8601.
        versions: library name to version.
        macro_f1_float: on windows not trained on, in percent of 1, or None when not measured.
        macro_f1: the same after quantisation.
    """

    data_set: str
    split_sha256: str
    windows_per_class: int
    seed: int
    created: str
    versions: dict[str, str] = field(default_factory=dict)
    macro_f1_float: float | None = None
    macro_f1: float | None = None


@dataclass(frozen=True)
class Contract:
    """Everything a device needs to use the model.

    Attributes:
        schema: version of this document, 2 where ``taught`` is there; a reader refuses a newer one.
        name: of the model, for people.
        stream: what goes in.
        window_samples: length of a window, samples.
        hop_samples: distance between two decisions, samples; a multiple of every ``step_samples``.
        front_end: how a window becomes images and statistics.
        labels: class names in the order of the probabilities.
        decision: from probabilities to a label.
        quantisation: recipe of the network.
        provenance: where the model comes from.
        taught: what was taught on a device; None in a model that was exported.
    """

    schema: int
    name: str
    stream: StreamSpec
    window_samples: int
    hop_samples: int
    front_end: FrontEndSpec
    labels: tuple[str, ...]
    decision: DecisionSpec
    quantisation: Quantisation
    provenance: Provenance
    taught: TaughtSpec | None = field(default=None, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def window_s(self) -> float:
        """Length of a window, seconds."""
        return self.window_samples / self.stream.rate_hz

    @property
    def hop_s(self) -> float:
        """Time between two decisions, seconds."""
        return self.hop_samples / self.stream.rate_hz

    def to_json(self) -> str:
        """The document as it stands in the model file."""
        return json.dumps(to_json(self), indent=1, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Contract:
        """Parse and validate the document.

        Raises:
            ContractError: not JSON, a newer schema, an unknown or missing key, a value that makes
            no sense.
        """
        try:
            document: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ContractError(
                f"the model's contract is not valid JSON ({error}): export the model again"
            ) from error
        schema = document.get("schema") if isinstance(document, dict) else None
        if type(schema) is not int or schema < 1:
            raise ContractError(
                f"the model's contract has schema {show(schema)}, expected a whole number from 1 to "
                f"{TAUGHT_SCHEMA}: export the model again"
            )
        if schema > TAUGHT_SCHEMA:
            raise ContractError(
                f"the model's contract has schema {show(schema)}, this version reads up to "
                f"{TAUGHT_SCHEMA}: pip install --upgrade img2imu"
            )
        try:
            return from_json(Contract, document, "contract")
        except JsonError as error:
            raise ContractError(
                f"in the model's contract, {error}: export the model again"
            ) from error


def _validate(c: Contract) -> None:
    stream, front = c.stream, c.front_end
    n = len(stream.channels)
    (low, high), (lowest, highest) = RATE_HZ_LIMITS, LEVEL_DB_LIMITS
    steps = [s.step_samples for s in front.spectrograms]
    _check(
        n in (1, 3, 6) and len(set(stream.channels)) == n and set(stream.channels) <= set(CHANNELS),
        "stream.channels",
        stream.channels,
        f"1, 3 or 6 different names out of {', '.join(CHANNELS)}",
    )
    _check(low <= stream.rate_hz <= high, "stream.rate_hz", stream.rate_hz, f"{low:g} to {high:g}")
    _check(
        stream.gravity in GRAVITY, "stream.gravity", stream.gravity, f"one of {', '.join(GRAVITY)}"
    )
    _check(
        0 < stream.rate_tolerance < 1,
        "stream.rate_tolerance",
        stream.rate_tolerance,
        "between 0 and 1",
    )
    _check(
        2 / stream.rate_hz <= stream.max_gap_s <= MAX_GAP_S,
        "stream.max_gap_s",
        stream.max_gap_s,
        f"{2 / stream.rate_hz:g} (two samples) to {MAX_GAP_S:g}",
    )
    _check(
        MIN_WINDOW_SAMPLES <= c.window_samples <= MAX_WINDOW_SAMPLES,
        "window_samples",
        c.window_samples,
        f"{MIN_WINDOW_SAMPLES} to {MAX_WINDOW_SAMPLES}",
    )
    _check(
        1 <= len(front.spectrograms) <= 16
        and all(
            2 <= s.fft_samples <= min(c.window_samples, MAX_FFT_SAMPLES)
            and s.step_samples >= 1
            and (c.window_samples - s.fft_samples) // s.step_samples < MAX_FRAMES
            for s in front.spectrograms
        ),
        "front_end.spectrograms",
        front.spectrograms,
        f"1 to 16, each with fft_samples within the window and up to {MAX_FFT_SAMPLES}, and up to {MAX_FRAMES} frames",
    )
    _check(
        1e-3 <= front.frequency_knee_hz <= 1e3,
        "front_end.frequency_knee_hz",
        front.frequency_knee_hz,
        "0.001 to 1000",
    )
    _check(
        1 <= c.hop_samples <= MAX_WINDOW_SAMPLES
        and all(c.hop_samples % step == 0 for step in steps),
        "hop_samples",
        c.hop_samples,
        f"a multiple of every spectrogram's step ({steps})",
    )
    _check(
        1 <= front.image_height <= 1024
        and 1 <= front.image_width <= 1024
        and front.n_images * front.image_height * front.image_width <= MAX_PIXELS,
        "front_end.image_height x image_width",
        (front.image_height, front.image_width),
        f"1 to 1024 pixels each, {MAX_PIXELS} in all images together",
    )
    _check(
        1 <= len(front.image_channels) <= 16
        and all(len(rgb) == 3 and all(0 <= i < n for i in rgb) for rgb in front.image_channels),
        "front_end.image_channels",
        front.image_channels,
        f"triples of columns from 0 to {n - 1}",
    )
    _check(
        len(front.min_db) == len(front.max_db) == n
        and all(
            lowest <= a and a + 1 <= b <= highest
            for a, b in zip(front.min_db, front.max_db, strict=True)
        ),
        "front_end.min_db and max_db",
        (front.min_db, front.max_db),
        f"{n} levels each, {lowest:g} to {highest:g}, max at least 1 above min",
    )
    _check(len(front.statistics) >= 1, "front_end.statistics", front.statistics, "one name or more")
    least = 2 if c.taught is None else 0
    _check(
        len(c.labels) >= least
        and len(set(c.labels)) == len(c.labels)
        and all(map(is_line, c.labels)),
        "labels",
        c.labels,
        f"{least} or more different names of one line each",
    )
    _check(is_line(c.name), "name", c.name, "one line of text")
    _validate_decision(c.decision, c.labels)
    _check(
        c.schema == SCHEMA + (c.taught is not None),
        "schema",
        c.schema,
        f"{SCHEMA}, or {TAUGHT_SCHEMA} with taught",
    )
    for rule in c.taught.rules(c.labels) if c.taught is not None else ():
        _check(*rule)


def _validate_decision(spec: DecisionSpec, labels: tuple[str, ...]) -> None:
    _check(
        1 <= spec.smoothing_windows <= 1000,
        "decision.smoothing_windows",
        spec.smoothing_windows,
        "1 to 1000",
    )
    _check(0 <= spec.threshold <= 1, "decision.threshold", spec.threshold, "0 to 1")
    _check(
        set(spec.class_thresholds) <= set(labels)
        and all(0 <= t <= 1 for t in spec.class_thresholds.values()),
        "decision.class_thresholds",
        spec.class_thresholds,
        "0 to 1 for labels of the model",
    )
    _check(
        1 <= spec.debounce_decisions <= 1000,
        "decision.debounce_decisions",
        spec.debounce_decisions,
        "1 to 1000",
    )
    _check(
        0 <= spec.refractory_s <= MAX_REFRACTORY_S,
        "decision.refractory_s",
        spec.refractory_s,
        f"0 to {MAX_REFRACTORY_S:g}",
    )


def is_line(text: str) -> bool:
    """Whether it can stand in a line of a terminal or of labels.txt: no control character, no line break, not blank."""
    return bool(text.strip()) and not any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text
    )


def _check(ok: bool, where: str, value: object, expected: str) -> None:
    if not ok:
        raise ContractError(
            f"the model's contract has {where} = {show(value, 200)}, expected {expected}: "
            "export the model again"
        )
