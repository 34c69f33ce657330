"""Samples in, decisions out: the whole live path in one object."""

from __future__ import annotations

import math
import os
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.container import read_model
from edge_runtime.contract.spec import Contract
from edge_runtime.decision import Decision, Latency, Smoother
from edge_runtime.errors import StreamError
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.network.interpreter import Model
from edge_runtime.stream import checks
from edge_runtime.stream.counts import StreamCounts
from edge_runtime.stream.order import MAX_HOLD_S, Run, SampleOrder
from edge_runtime.stream.windows import WindowStream

MAX_GAPS_WITHOUT_A_WINDOW = 10  # so many in a row are no gaps but a stream far too slow


class Recognizer:
    """Recognises motions in a stream of samples.

    A decision falls every ``hop_samples`` once a window is full. How the stream is cut into calls
    of :meth:`push` changes nothing: the decisions are bit-identical. Samples that are late or come
    twice are dropped and counted; after a pause longer than ``max_gap_s``, or a clock set back, the
    window is filled anew. Memory is bounded.

    Args:
        contract: what the model takes and gives.
        model: the network.
        hold_s: samples wait so long, on their own clock, for earlier ones that are still on their
            way; 0 to 10 s.
        polyphase: take a sensor faster than the model's rate, and filter it down; decisions come 10
            grid samples later (0.2 s at 50 Hz).

    Attributes:
        contract: as given.
        model: as given.
        counts: what became of every sample since the recogniser was made.
        features: what the network was given for the newest decision; None before the first, and
            where the front end is inside the network.

    Raises:
        StreamError: ``hold_s`` makes no sense.
    """

    def __init__(
        self, contract: Contract, model: Model, hold_s: float = 0.0, polyphase: bool = False
    ) -> None:
        if not 0 <= hold_s <= MAX_HOLD_S:
            raise StreamError(
                f"samples are to be held for {hold_s:g} s, expected 0 to {MAX_HOLD_S:g}: 0.1 does for "
                "most connections"
            )
        self.contract = contract
        self.model = model
        self.counts = StreamCounts()
        self.features: Features | None = None
        channels, stream = len(contract.stream.channels), contract.stream
        self._front_end = FrontEnd.of(contract)
        self._order = SampleOrder(
            channels, math.ceil(stream.max_gap_s * stream.rate_hz), hold_s, self.counts
        )
        self._polyphase = polyphase
        self._windows = WindowStream(contract, polyphase, self.counts)
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
        file = read_model(path)
        return cls(file.contract, Model.of(file, threads))

    def reset(self) -> None:
        """Forget the stream so far: the next sample may have any timestamp, and a window must fill up again."""
        self._gaps = 0
        self._silent_s = 0.0
        self._order.reset()
        self._restart()

    @property
    def fill(self) -> float:
        """How full the window is, 0 to 1; below 1 the recogniser is warming up."""
        return self._windows.fill

    def push(self, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> list[Decision]:
        """Take samples; give the decisions that they complete, oldest first.

        Args:
            timestamps_s: (n,) seconds on the sensor's clock.
            samples: (n, channels) in SI units, columns as in ``contract.stream.channels``.

        Raises:
            StreamError: the stream breaks the contract (rate, units, NaN, shape). Its attribute
                ``decisions`` holds those from before the offending sample; the stream so far is
                forgotten, and with it the rest of this call's samples.
        """
        decisions: list[Decision] = []
        try:
            if self._is_ordinary(timestamps_s, samples):
                self.counts.received += 1
                self._grow(np.asarray(timestamps_s), np.asarray(samples), decisions)
                return decisions
            times, values = checks.as_arrays(timestamps_s, samples, self.contract.stream)
            if len(times):
                self.counts.received += len(times)
                bad = checks.first_bad_sample(
                    times, values, None, self.contract.stream, ordered=False
                )
                stop = len(times) if bad is None else bad[0]
                self._after_silence(times[:stop], decisions)
                self._take(self._order.push(times[:stop], values[:stop]), decisions)
                if bad is not None:
                    self._finish(decisions)
                    raise StreamError(bad[1])
        except StreamError as error:
            self._refuse(error, decisions)
            raise
        return decisions

    def _is_ordinary(self, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> bool:
        """Whether this is a single sample that follows the one before it and has nothing wrong.

        What :meth:`push` does with others comes to the same, but touches more code than stays in a
        processor's caches from one sample to the next, 20 ms later: live, that costs tens of times
        what it does in a loop.
        """
        newest_s = self._windows.newest_s
        if (
            newest_s is None
            or self._silent_s
            or not isinstance(timestamps_s, np.ndarray)
            or not isinstance(samples, np.ndarray)
            or timestamps_s.shape != (1,)
            or timestamps_s.dtype.char != "d"
            or samples.shape != (1, len(self.contract.stream.channels))
            or samples.dtype.char != "f"
        ):
            return False
        time_s = float(timestamps_s[0])
        return (
            time_s > newest_s
            and time_s - newest_s <= self.contract.stream.max_gap_s
            and checks.is_usable(samples[0].tolist())
            and self._order.follows(time_s)
        )

    def flush(self) -> list[Decision]:
        """The decisions of samples that were held back: the stream has ended.

        Raises:
            StreamError: as :meth:`push`.
        """
        decisions: list[Decision] = []
        try:
            self._finish(decisions)
        except StreamError as error:
            self._refuse(error, decisions)
            raise
        return decisions

    def _finish(self, decisions: list[Decision]) -> None:
        """Nothing waits any longer."""
        self._take(self._order.flush(), decisions)
        self._windows.catch_up()

    def _refuse(self, error: StreamError, decisions: list[Decision]) -> None:
        error.decisions = tuple(decisions)
        self.reset()
        counts = self.counts
        counts.refused = counts.received - counts.used - counts.late - counts.duplicate

    def silent(self, silence_s: float) -> list[Decision]:
        """Say that nothing has come for longer than it may; gives the gap, once, so that no stale label stays.

        The window is kept: samples that were only under way go on where it ended. If those that
        come next cover less than half of the silence, the sensor's clock stood still meanwhile, and
        the window is filled anew.

        Args:
            silence_s: since the newest samples came, on this machine's clock.
        """
        if self._windows.newest_s is None:
            return []
        announced, self._silent_s = self._silent_s > 0, silence_s
        return [] if announced else [self._counted(Decision.gap(self._windows.newest_s))]

    def _after_silence(self, times: Float64Array, decisions: list[Decision]) -> None:
        """Empty the window when samples go on as if there had been no silence."""
        if not self._silent_s or self._windows.newest_s is None or not len(times):
            return
        if 0 <= times.max() - self._windows.newest_s < self._silent_s / 2:
            self._gap(float(times[0]), self._silent_s, decisions)
        elif self.fill < 1:
            decisions.append(self._counted(Decision.warming_up(float(times[0]))))

    def _take(self, runs: list[Run], decisions: list[Decision]) -> None:
        """Cut at gaps; feed each piece to the grid."""
        for run in runs:
            if run.restart_s is not None:
                self._gap(run.restart_s, 0.0, decisions)
            if not len(run.times_s):
                continue
            last_s = (
                float(run.times_s[0]) if self._windows.newest_s is None else self._windows.newest_s
            )
            if (
                float(run.times_s[-1]) - last_s <= self.contract.stream.max_gap_s
            ):  # all of it, so every step
                self._grow(run.times_s, run.values, decisions)
            else:
                self._grow_between_gaps(run, last_s, decisions)
            self._silent_s = 0.0

    def _grow_between_gaps(self, run: Run, last_s: float, decisions: list[Decision]) -> None:
        with np.errstate(over="ignore"):  # an infinite step is a gap as well
            steps = np.diff(run.times_s, prepend=last_s)
        cuts = np.flatnonzero(steps > self.contract.stream.max_gap_s)
        begin = 0
        for cut in (*cuts, len(run.times_s)):
            if begin < cut:
                self._grow(run.times_s[begin:cut], run.values[begin:cut], decisions)
            if cut < len(run.times_s):
                self._gap(float(run.times_s[cut]), float(steps[cut]), decisions)
            begin = cut

    def _gap(self, time_s: float, gap_s: float, decisions: list[Decision]) -> None:
        self._gaps += 1
        self.counts.gaps += 1
        if self._gaps >= MAX_GAPS_WITHOUT_A_WINDOW:
            last = f"of {gap_s:.3g} s" if gap_s else "a clock that stood still or was set back"
            raise StreamError(
                f"{self._gaps} pauses longer than {self.contract.stream.max_gap_s:g} s came before a "
                f"window was full (the last {last}), expected samples at "
                f"{self.contract.stream.rate_hz:g} Hz: raise the sensor's rate, mend its connection, "
                "or give timestamps in seconds"
            )
        self._windows.catch_up()  # to be counted
        self._restart()
        if not self._silent_s:  # else it has been said
            decisions.append(self._counted(Decision.gap(time_s)))
        self._silent_s = 0.0
        decisions.append(self._counted(Decision.warming_up(time_s)))

    def _counted(self, decision: Decision) -> Decision:
        return replace(decision, counts=replace(self.counts))

    def _restart(self) -> None:
        self._windows.reset()
        self._forget_windows()

    def _forget_windows(self) -> None:
        self._smoother.reset()
        self._front = self._front_end.stream()
        self._first = True  # the next window has none before it

    def _grow(
        self,
        times: Float64Array,
        values: Float32Array,
        decisions: list[Decision],
    ) -> None:
        for time_s in self._windows.push(times, values):
            decisions.append(self._decide(time_s))

    def _decide(self, time_s: float) -> Decision:
        started = time.perf_counter_ns()
        contract = self.contract
        window = self._windows.window
        if checks.has_holes(self._windows.received, contract.stream, self._polyphase):
            self._forget_windows()
            return self._counted(Decision.gap(time_s))
        (checks.check_units if self._first else checks.check_alive)(window, contract.stream)
        self._gaps = 0
        if not self.model.takes_windows:
            self.features = self._front.advance(
                window, contract.window_samples if self._first else contract.hop_samples
            )
        given = window if self.features is None else self.features
        self._first = False
        drawn = time.perf_counter_ns()
        probabilities, _ = self.model.infer(given)
        inferred = time.perf_counter_ns()
        decision = self._smoother.decide(time_s, probabilities)
        latency = Latency(
            (drawn - started) / 1e3,
            (inferred - drawn) / 1e3,
            (time.perf_counter_ns() - started) / 1e3,
        )
        return replace(decision, latency_us=latency, counts=replace(self.counts))
