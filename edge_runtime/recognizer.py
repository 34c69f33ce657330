"""Samples in, decisions out: the whole live path in one object."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge_runtime import checks
from edge_runtime.container import read
from edge_runtime.contract import Contract
from edge_runtime.decision import Decision, Latency, Smoother
from edge_runtime.errors import StreamError
from edge_runtime.frontend import FrontEnd
from edge_runtime.model import Model
from edge_runtime.resampler import GridPiece, LinearResampler
from edge_runtime.ring import RingBuffer

MAX_GAPS_WITHOUT_A_WINDOW = 10  # so many in a row are no gaps but a stream far too slow


class Recognizer:
    """Recognises motions in a stream of samples.

    A decision falls every ``hop_samples`` once a window is full. How the stream is cut into calls of :meth:`push`
    changes nothing: the decisions are bit-identical.

    Args:
        contract: what the model takes and gives.
        model: the network.

    Attributes:
        contract: as given.
        model: as given.
    """

    def __init__(self, contract: Contract, model: Model) -> None:
        self.contract = contract
        self.model = model
        channels = len(contract.stream.channels)
        self._front_end = FrontEnd.of(contract)
        self._resampler = LinearResampler(contract.stream.rate_hz, channels)
        self._samples = RingBuffer(contract.window_samples, channels)
        self._received = RingBuffer(contract.window_samples, 1, np.float64)
        self._smoother = Smoother(contract.decision, contract.labels)
        self.reset()

    @classmethod
    def load(cls, path: str | os.PathLike[str], threads: int = 1) -> Recognizer:
        """Load a model file.

        Args:
            path: a ``.tflite`` written by ``img2imu export``.
            threads: CPU threads of the network.

        Raises:
            ContractError: the file is no model of ours, is damaged, or too new.
        """
        file = read(path)
        return cls(file.contract, Model(file.tflite, file.contract, threads))

    def reset(self) -> None:
        """Forget the stream so far: the next sample may have any timestamp, and a window must fill up again."""
        self._gaps = 0
        self._restart()

    @property
    def fill(self) -> float:
        """How full the window is, 0 to 1; below 1 the recogniser is warming up."""
        return len(self._samples) / self.contract.window_samples

    def push(self, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> list[Decision]:
        """Take samples; give the decisions that they complete, oldest first.

        Args:
            timestamps_s: (n,) seconds on the sensor's clock, not running back.
            samples: (n, channels) in SI units, columns as in ``contract.stream.channels``.

        Raises:
            StreamError: the stream breaks the contract (rate, units, NaN, time running back, shape). Its attribute
                ``decisions`` holds those from before the offending sample; the stream so far is forgotten, and with
                it the rest of this call's samples.
        """
        decisions: list[Decision] = []
        try:
            times, values = self._arrays(timestamps_s, samples)
            if len(times):
                bad = checks.first_bad_sample(times, values, self._resampler.last_time_s, self.contract.stream)
                stop = len(times) if bad is None else bad[0]
                self._take(times[:stop], values[:stop], decisions)
                if bad is not None:
                    raise StreamError(bad[1])
        except StreamError as error:
            error.decisions = tuple(decisions)
            self.reset()
            raise
        return decisions

    def _arrays(self, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike,
                ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        channels = self.contract.stream.channels
        try:
            times = np.atleast_1d(np.asarray(timestamps_s, np.float64))
            with np.errstate(over="ignore"):  # a number too large for float32 becomes infinite, and is refused as such
                values = np.asarray(samples, np.float32)
        except (TypeError, ValueError) as error:
            raise StreamError(f"timestamps or samples are no arrays of numbers ({error}), expected (n,) and "
                              f"(n, {len(channels)}) with the columns {', '.join(channels)}") from error
        if values.ndim == 1 and len(times) == 1:
            values = values[None]
        elif values.shape == times.shape == (0,):
            values = values.reshape(0, len(channels))
        if times.ndim != 1 or values.shape != (len(times), len(channels)):
            raise StreamError(f"timestamps of shape {times.shape} came with samples of shape {values.shape}, expected "
                              f"(n,) and (n, {len(channels)}) with the columns {', '.join(channels)}")
        return times, values

    def _take(self, times: npt.NDArray[np.float64], values: npt.NDArray[np.float32],
              decisions: list[Decision]) -> None:
        """Cut at gaps; feed each piece to the grid."""
        if not len(times):
            return
        last = self._resampler.last_time_s
        with np.errstate(over="ignore"):  # an infinite step is a gap as well
            steps = np.diff(times, prepend=times[0] if last is None else last)
        cuts = np.flatnonzero(steps > self.contract.stream.max_gap_s)
        begin = 0
        for cut in (*cuts, len(times)):
            if begin < cut:
                self._grow(self._resampler.push(times[begin:cut], values[begin:cut]), decisions)
            if cut < len(times):
                self._gap(float(times[cut]), float(steps[cut]), decisions)
            begin = cut

    def _gap(self, time_s: float, gap_s: float, decisions: list[Decision]) -> None:
        self._gaps += 1
        if self._gaps >= MAX_GAPS_WITHOUT_A_WINDOW:
            raise StreamError(f"{self._gaps} pauses longer than {self.contract.stream.max_gap_s:g} s came before a "
                              f"window was full (the last of {gap_s:.3g} s), expected samples at "
                              f"{self.contract.stream.rate_hz:g} Hz: raise the sensor's rate, mend its connection, "
                              "or give timestamps in seconds")
        self._restart()
        decisions.append(Decision.gap(time_s))

    def _restart(self) -> None:
        self._resampler.reset()
        self._samples.clear()
        self._received.clear()
        self._smoother.reset()
        self._features = self._front_end.stream()
        self._due = self.contract.window_samples  # grid samples at which the next decision falls

    def _grow(self, piece: GridPiece, decisions: list[Decision]) -> None:
        """Move grid samples into the window, stopping wherever a decision is due."""
        begin = 0
        while begin < len(piece.samples):
            end = min(len(piece.samples), begin + self._due - self._samples.total)
            self._samples.extend(piece.samples[begin:end])
            self._received.extend(piece.received[begin:end, None])
            if self._samples.total == self._due:
                decisions.append(self._decide(float(piece.times_s[end - 1])))
                self._due += self.contract.hop_samples
            begin = end

    def _decide(self, time_s: float) -> Decision:
        started = time.perf_counter_ns()
        contract = self.contract
        n = contract.window_samples
        window = self._samples.newest(n).astype(np.float32, copy=False)
        received = self._received.newest(n)
        checks.check_rate(float(received[-1, 0] - received[0, 0]) / (n - 1) * contract.stream.rate_hz, contract.stream)
        first = self._samples.total == n
        (checks.check_units if first else checks.check_alive)(window, contract.stream)
        self._gaps = 0
        features = self._features.advance(window, n if first else contract.hop_samples)
        drawn = time.perf_counter_ns()
        probabilities, _ = self.model.infer(features)
        inferred = time.perf_counter_ns()
        decision = self._smoother.decide(time_s, probabilities)
        latency = Latency((drawn - started) / 1e3, (inferred - drawn) / 1e3, (time.perf_counter_ns() - started) / 1e3)
        return replace(decision, latency_us=latency)
