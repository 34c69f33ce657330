"""The model contract: what a model file says about the stream it takes and the answers it gives.

It is stored as ``img2imu.json`` inside the model file (see :mod:`edge_runtime.contract.container`).
docs/contract.md is the reference for readers and for implementations in other languages.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_runtime.contract.strict_json import OPTIONAL, JsonError, from_json, show, to_json
from edge_runtime.errors import ContractError

SCHEMA = 1
TAUGHT_SCHEMA = 2  # of a file taught on a device, which readers of schema 1 cannot honour
UNITS = {"acc": "m/s^2", "gyro": "rad/s"}  # SI, as in Linux IIO, Android and the web
CHANNELS = tuple(f"{sensor}_{axis}" for sensor in UNITS for axis in "xyz")
GRAVITY = ("included", "removed", "unknown")  # unknown: fewer than three accelerometer axes
RATE_HZ_LIMITS = (10.0, 400.0)
MIN_WINDOW_SAMPLES = 16
# Limits far above any use. They keep what a damaged or hostile file can ask for within a few
# hundred MB.
MAX_WINDOW_SAMPLES = 1_000_000
MAX_SPECTROGRAMS = 16
MAX_FFT_SAMPLES = 8192
MAX_FRAMES = 8192
MAX_IMAGE_CHANNELS = 16
MAX_IMAGE_SIDE = 1024  # pixels
MAX_PIXELS = 1 << 24  # of all images of a window
MAX_GAP_S = 60.0
MAX_REFRACTORY_S = 3600.0
MAX_SMOOTHING_WINDOWS = 1000
MAX_DEBOUNCE_DECISIONS = 1000
MAX_BLOCK_SIZE = 1 << 24  # values of an embedding
KNEE_HZ_LIMITS = (1e-3, 1e3)
LEVEL_DB_LIMITS = (-300.0, 300.0)


def acc_triple(channels: Sequence[str]) -> tuple[int, int, int] | None:
    """Return the columns of acc_x, acc_y and acc_z, or None unless all three are present."""
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
        gravity: whether the accelerometer's values contain gravity, out of :data:`GRAVITY`.
        rate_tolerance: largest relative deviation of the measured rate. A stream within it is
            resampled, a stream beyond it is refused.
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
        frequency_knee_hz: rows are evenly spaced in frequency well below it, and in the logarithm
            of frequency well above it.
        image_height: rows of an image (frequency, highest at the top), pixels.
        image_width: columns of an image (time), pixels.
        image_channels: for each image of a resolution, the columns of the stream that become red,
            green and blue.
        min_db: for each channel, the level drawn as -1, dB re (1 unit)^2.
        max_db: for each channel, the level drawn as +1, dB re (1 unit)^2.
        statistics: names of the statistics that the network takes in addition to the images, see
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
    """How probabilities become a label.

    Attributes:
        smoothing_windows: number of newest windows whose probabilities are averaged; 1 is without
            smoothing.
        threshold: smallest smoothed probability of a label; below it the state is ``unknown``.
        class_thresholds: label to the threshold that replaces ``threshold`` for it.
        debounce_decisions: number of decisions in a row that must agree on a label before it is
            given; 1 gives it at once.
        refractory_s: time after the beginning of a label during which no label begins; the state
            is ``unknown`` until then.
    """

    smoothing_windows: int = 3
    threshold: float = 0.0
    class_thresholds: dict[str, float] = field(default_factory=dict, metadata=OPTIONAL)
    debounce_decisions: int = field(default=1, metadata=OPTIONAL)
    refractory_s: float = field(default=0.0, metadata=OPTIONAL)


@dataclass(frozen=True)
class Quantisation:
    """How the network was quantised: the recipe, and converter and quantiser with versions."""

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
        macro_f1_float: macro-F1 before quantisation on windows not trained on, 0 to 1, or None if
            not measured.
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
class TaughtSpec:
    """What was taught on a device. :class:`edge_runtime.contract.container.Taught` has the arrays.

    Attributes:
        blocks: sizes of the embedding's blocks, in order. Each block has the same weight in the
            head. They add up to d, the size of an embedding.
        windows: number of examples of each label, in the order of the labels.
        background_windows: number of background windows. If there are any, the last row of the head
            is the background, whose probability belongs to no label.
        background_s: length of the background recording, seconds.
        false_triggers_per_hour: expected on more of the same background at ``decision.threshold``,
            or None.
        missed: share of the examples, each held out in turn, that stay below the threshold, or
            None.
    """

    blocks: tuple[int, ...]
    windows: tuple[int, ...]
    background_windows: int = 0
    background_s: float = 0.0
    false_triggers_per_hour: float | None = None
    missed: float | None = None

    @property
    def embedding_size(self) -> int:
        """Size of an embedding, d."""
        return sum(self.blocks)

    @property
    def rows(self) -> int:
        """Rows of the head: one per label, and one for the background if there is any.

        It is 0 without a label, or with fewer than two rows: there is nothing to tell apart.
        """
        rows = len(self.windows)
        if self.background_windows > 0:
            rows += 1
        return rows if self.windows and rows >= 2 else 0


@dataclass(frozen=True)
class Contract:
    """Everything a device needs to use the model.

    Attributes:
        schema: version of this document: 1, or 2 with ``taught``. A reader refuses a newer one.
        name: human-readable name of the model.
        stream: what goes in.
        window_samples: length of a window, samples.
        hop_samples: distance between two decisions, samples; a multiple of every ``step_samples``.
        front_end: how a window becomes images and statistics.
        labels: class names in the order of the probabilities.
        decision: how probabilities become a label.
        quantisation: how the network was quantised.
        provenance: where the model comes from.
        taught: what was taught on a device; None in an exported model.

    Raises:
        ContractError: a value makes no sense.
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
        """Return the document that is stored in the model file."""
        return json.dumps(to_json(self), indent=1, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Contract:
        """Parse and validate the document.

        Raises:
            ContractError: not JSON, a newer schema, an unknown or missing key, or a value that
                makes no sense.
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
                f"the model's contract has schema {show(schema)}, expected a whole number from 1 "
                f"to {TAUGHT_SCHEMA}: export the model again"
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


def is_line(text: str) -> bool:
    """Return whether text is one line that can be printed: not blank, no control characters."""
    return bool(text.strip()) and not any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text
    )


def _validate(contract: Contract) -> None:
    """Check every rule of docs/contract.md. The first broken one is raised as ContractError."""
    _validate_stream(contract.stream)
    _validate_front_end(contract)
    least = 2 if contract.taught is None else 0
    _require(
        len(contract.labels) >= least
        and len(set(contract.labels)) == len(contract.labels)
        and all(is_line(label) for label in contract.labels),
        "labels",
        contract.labels,
        f"{least} or more different names of one line each",
    )
    _require(is_line(contract.name), "name", contract.name, "one line of text")
    _validate_decision(contract.decision, contract.labels)
    _require(
        contract.schema == (SCHEMA if contract.taught is None else TAUGHT_SCHEMA),
        "schema",
        contract.schema,
        f"{SCHEMA}, or {TAUGHT_SCHEMA} with taught",
    )
    if contract.taught is not None:
        _validate_taught(contract.taught, contract.labels)


def _validate_stream(stream: StreamSpec) -> None:
    channels = set(stream.channels)
    _require(
        len(stream.channels) in (1, 3, 6)
        and len(channels) == len(stream.channels)
        and channels <= set(CHANNELS),
        "stream.channels",
        stream.channels,
        f"1, 3 or 6 different names out of {', '.join(CHANNELS)}",
    )
    _require_range("stream.rate_hz", stream.rate_hz, *RATE_HZ_LIMITS)
    _require(
        stream.gravity in GRAVITY, "stream.gravity", stream.gravity, f"one of {', '.join(GRAVITY)}"
    )
    _require(
        0 < stream.rate_tolerance < 1,
        "stream.rate_tolerance",
        stream.rate_tolerance,
        "between 0 and 1",
    )
    two_samples_s = 2 / stream.rate_hz
    _require(
        two_samples_s <= stream.max_gap_s <= MAX_GAP_S,
        "stream.max_gap_s",
        stream.max_gap_s,
        f"{two_samples_s:g} (two samples) to {MAX_GAP_S:g}",
    )


def _validate_front_end(contract: Contract) -> None:
    front_end = contract.front_end
    n_channels = len(contract.stream.channels)
    _require_range(
        "window_samples", contract.window_samples, MIN_WINDOW_SAMPLES, MAX_WINDOW_SAMPLES
    )
    longest_fft = min(contract.window_samples, MAX_FFT_SAMPLES)
    _require(
        1 <= len(front_end.spectrograms) <= MAX_SPECTROGRAMS
        and all(
            2 <= s.fft_samples <= longest_fft
            and s.step_samples >= 1
            and (contract.window_samples - s.fft_samples) // s.step_samples < MAX_FRAMES
            for s in front_end.spectrograms
        ),
        "front_end.spectrograms",
        front_end.spectrograms,
        f"1 to {MAX_SPECTROGRAMS}, each with fft_samples within the window and up to "
        f"{MAX_FFT_SAMPLES}, and up to {MAX_FRAMES} frames",
    )
    _require_range("front_end.frequency_knee_hz", front_end.frequency_knee_hz, *KNEE_HZ_LIMITS)
    steps = [s.step_samples for s in front_end.spectrograms]
    _require(
        1 <= contract.hop_samples <= MAX_WINDOW_SAMPLES
        and all(contract.hop_samples % step == 0 for step in steps),
        "hop_samples",
        contract.hop_samples,
        f"a multiple of every spectrogram's step ({steps})",
    )
    _require(
        1 <= front_end.image_height <= MAX_IMAGE_SIDE
        and 1 <= front_end.image_width <= MAX_IMAGE_SIDE
        and front_end.n_images * front_end.image_height * front_end.image_width <= MAX_PIXELS,
        "front_end.image_height x image_width",
        (front_end.image_height, front_end.image_width),
        f"1 to {MAX_IMAGE_SIDE} pixels each, {MAX_PIXELS} in all images together",
    )
    _require(
        1 <= len(front_end.image_channels) <= MAX_IMAGE_CHANNELS
        and all(
            len(rgb) == 3 and all(0 <= column < n_channels for column in rgb)
            for rgb in front_end.image_channels
        ),
        "front_end.image_channels",
        front_end.image_channels,
        f"triples of columns from 0 to {n_channels - 1}",
    )
    lowest_db, highest_db = LEVEL_DB_LIMITS
    _require(
        len(front_end.min_db) == len(front_end.max_db) == n_channels
        and all(
            lowest_db <= low and low + 1 <= high <= highest_db
            for low, high in zip(front_end.min_db, front_end.max_db, strict=True)
        ),
        "front_end.min_db and max_db",
        (front_end.min_db, front_end.max_db),
        f"{n_channels} levels each, {lowest_db:g} to {highest_db:g}, max at least 1 above min",
    )
    _require(
        len(front_end.statistics) >= 1,
        "front_end.statistics",
        front_end.statistics,
        "one name or more",
    )


def _validate_decision(decision: DecisionSpec, labels: tuple[str, ...]) -> None:
    _require_range(
        "decision.smoothing_windows", decision.smoothing_windows, 1, MAX_SMOOTHING_WINDOWS
    )
    _require_range("decision.threshold", decision.threshold, 0, 1)
    _require(
        set(decision.class_thresholds) <= set(labels)
        and all(0 <= threshold <= 1 for threshold in decision.class_thresholds.values()),
        "decision.class_thresholds",
        decision.class_thresholds,
        "0 to 1 for labels of the model",
    )
    _require_range(
        "decision.debounce_decisions", decision.debounce_decisions, 1, MAX_DEBOUNCE_DECISIONS
    )
    _require_range("decision.refractory_s", decision.refractory_s, 0, MAX_REFRACTORY_S)


def _validate_taught(taught: TaughtSpec, labels: tuple[str, ...]) -> None:
    _require(
        len(taught.blocks) >= 1 and all(1 <= size <= MAX_BLOCK_SIZE for size in taught.blocks),
        "taught.blocks",
        taught.blocks,
        "one size or more, each 1 or more",
    )
    _require(
        len(taught.windows) == len(labels) and all(n >= 1 for n in taught.windows),
        "taught.windows",
        taught.windows,
        f"{len(labels)} numbers, each 1 or more",
    )
    _require(
        taught.background_windows >= 0,
        "taught.background_windows",
        taught.background_windows,
        "0 or more",
    )
    _require(taught.background_s >= 0, "taught.background_s", taught.background_s, "0 or more")
    _require(
        taught.false_triggers_per_hour is None or taught.false_triggers_per_hour >= 0,
        "taught.false_triggers_per_hour",
        taught.false_triggers_per_hour,
        "0 or more, or null",
    )
    _require(
        taught.missed is None or 0 <= taught.missed <= 1,
        "taught.missed",
        taught.missed,
        "0 to 1, or null",
    )


def _require_range(where: str, value: float, low: float, high: float) -> None:
    _require(low <= value <= high, where, value, f"{low:.9g} to {high:.9g}")


def _require(ok: bool, where: str, value: object, expected: str) -> None:
    if not ok:
        raise ContractError(
            f"the model's contract has {where} = {show(value, 200)}, expected {expected}: "
            "export the model again"
        )
