"""``Recognizer``: samples in, decisions out. The whole live path in one object.

The path is a row of four generators, each fed by the one before it:

    in order -> cut at gaps -> windows -> decide

The first yields stretches of samples in order of time, the second adds a :class:`Gap` where samples
are missing, the third yields ``Window | Gap | WarmingUp``, the last yields decisions.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
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
from edge_runtime.stream.order import MAX_HOLD_S, SampleOrder, Stretch
from edge_runtime.stream.windows import Gap, WarmingUp, Window, WindowStream

MAX_GAPS_WITHOUT_A_WINDOW = 10  # this many in a row mean that the stream is far too slow


class Recognizer:
    """Recognise motions in a stream of samples.

    Once a window is full, a decision follows every ``hop_samples``. Decisions are bit-identical
    however the stream is cut into calls of :meth:`push`. Late and duplicate samples are dropped and
    counted. After a pause longer than ``max_gap_s``, or a clock that was set back, a whole new
    window must fill up. Memory is bounded.

    Args:
        contract: what the model takes and gives.
        model: the network.
        hold_s: how long samples are held, on their own clock, for earlier ones that are still on
            their way; 0 to 10 s.
        polyphase: accept a sensor faster than the model's rate and filter it down. Decisions come
            10 grid samples later (0.2 s at 50 Hz).

    Attributes:
        contract: what the model takes and gives.
        model: the network.
        counts: what became of every sample since the recogniser was made.
        features: input of the network for the newest decision; None before the first, and if the
            front end is inside the network.

    Raises:
        StreamError: ``hold_s`` is out of range.

    Examples:
        >>> from edge_runtime import Recognizer, open_source
        >>> recognizer = Recognizer.load("model.tflite")
        >>> for chunk in open_source("walk.csv", recognizer.contract.stream.channels):
        ...     for decision in recognizer.push(chunk.timestamps_s, chunk.samples):
        ...         print(decision.time_s, decision.label, decision.probability)
    """

    def __init__(
        self, contract: Contract, model: Model, hold_s: float = 0.0, polyphase: bool = False
    ) -> None:
        if not 0 <= hold_s <= MAX_HOLD_S:
            raise StreamError(
                f"samples are to be held for {hold_s:g} s, expected 0 to {MAX_HOLD_S:g}: 0.1 is "
                "enough for most connections"
            )
        self.contract = contract
        self.model = model
        self.counts = StreamCounts()
        self.features: Features | None = None
        stream = contract.stream
        channels = len(stream.channels)
        samples_of_a_gap = math.ceil(stream.max_gap_s * stream.rate_hz)
        self._polyphase = polyphase
        self._order = SampleOrder(channels, samples_of_a_gap, hold_s, self.counts)
        self._windows = WindowStream(contract, polyphase, self.counts)
        self._front_end = FrontEnd.of(contract)
        self._smoother = Smoother(contract.decision, contract.labels)
        self._is_first_window = True  # of the stream, or after a gap
        self.reset()

    @classmethod
    def load(cls, path: str | os.PathLike[str], threads: int = 1) -> Recognizer:
        """Load a model file.

        Args:
            path: a ``.tflite`` written by ``img2imu export``.
            threads: CPU threads used by the network.

        Raises:
            ContractError: the file is not an img2imu model, is damaged, or is too new.
        """
        file = read_model(path)
        return cls(file.contract, Model.of(file, threads))

    @property
    def fill(self) -> float:
        """How full the window is, 0 to 1; below 1 the recogniser is warming up."""
        return self._windows.fill

    def reset(self) -> None:
        """Forget the stream so far. The next sample may have any timestamp."""
        self._gaps_without_a_window = 0
        self._silent_s = 0.0  # announced by silent(), until samples arrive again
        self._order.reset()
        self._windows.reset()
        self._forget_earlier_windows()

    def push(self, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> list[Decision]:
        """Add samples; return the decisions that they complete, oldest first.

        Args:
            timestamps_s: (n,) seconds on the sensor's clock.
            samples: (n, channels) in SI units, columns as in ``contract.stream.channels``.

        Raises:
            StreamError: the stream breaks the contract (rate, units, NaN, shape). The error's
                ``decisions`` are those from before the offending sample. The stream so far is
                forgotten, and the rest of this call's samples are dropped.
        """
        decisions: list[Decision] = []
        try:
            if self._is_next_sample(timestamps_s, samples):
                self.counts.received += 1
                for window in self._windows.add(np.asarray(timestamps_s), np.asarray(samples)):
                    decisions.append(self._judge(window))
                return decisions
            times, values = checks.as_arrays(timestamps_s, samples, self.contract.stream)
            in_order = self._in_order(times, values)
            for decision in self._decide(self._window(self._cut_at_gaps(in_order))):
                decisions.append(decision)
        except StreamError as error:
            self._refuse(error, decisions)
            raise
        return decisions

    def flush(self) -> list[Decision]:
        """Return the decisions of samples that were held back: the stream has ended.

        Raises:
            StreamError: see :meth:`push`.
        """
        decisions: list[Decision] = []
        try:
            for decision in self._decide(self._window(self._cut_at_gaps(self._order.flush()))):
                decisions.append(decision)
            self._windows.catch_up()
        except StreamError as error:
            self._refuse(error, decisions)
            raise
        return decisions

    def silent(self, silence_s: float) -> list[Decision]:
        """Report that nothing has arrived for too long; return a gap, once per silence.

        No stale label is shown while the source is silent. The window is kept: samples that were
        only delayed continue it. If the next samples cover less than half of the silence, the
        sensor's clock stood still meanwhile, and a new window must fill up.

        Args:
            silence_s: seconds since samples last arrived, on this machine's clock.
        """
        if self._windows.newest_s is None:
            return []
        was_announced = self._silent_s > 0
        self._silent_s = silence_s
        if was_announced:
            return []
        return [self._with_counts(Decision.gap(self._windows.newest_s))]

    def _is_next_sample(self, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> bool:
        """Accept a single sample that follows its predecessor and has nothing wrong.

        This is a short cut past the row of generators, with the same result. Live, samples arrive
        one by one, 20 ms apart: by then the longer path has left the processor's caches, and costs
        tens of times what it costs in a loop. Returns False and changes nothing if the sample has
        to take the longer path.
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
            and self._order.accept_if_next(time_s)
        )

    # The row of generators.

    def _in_order(
        self, times: Float64Array, values: Float32Array
    ) -> Iterator[Stretch | Gap | WarmingUp]:
        """Yield samples in order of time; if one is unusable, those before it, then raise."""
        if not len(times):
            return
        self.counts.received += len(times)
        bad = checks.first_bad_sample(times, values, None, self.contract.stream, ordered=False)
        stop = len(times) if bad is None else bad[0]
        yield from self._after_silence(times[:stop])
        yield from self._order.sort(times[:stop], values[:stop])
        if bad is not None:
            yield from self._order.flush()
            self._windows.catch_up()
            raise StreamError(bad[1])

    def _after_silence(self, times: Float64Array) -> Iterator[Gap | WarmingUp]:
        """Yield a gap if samples continue as if the announced silence had not been."""
        if not self._silent_s or self._windows.newest_s is None or not len(times):
            return
        if 0 <= times.max() - self._windows.newest_s < self._silent_s / 2:
            yield self._gap(float(times[0]), self._silent_s)
        elif self.fill < 1:
            yield WarmingUp(float(times[0]))

    def _cut_at_gaps(
        self, stretches: Iterable[Stretch | Gap | WarmingUp]
    ) -> Iterator[Stretch | Gap | WarmingUp]:
        """Yield stretches without a pause longer than ``max_gap_s``, and a gap between them."""
        max_gap_s = self.contract.stream.max_gap_s
        for stretch in stretches:
            if not isinstance(stretch, Stretch):
                yield stretch
                continue
            if stretch.restart_s is not None:
                yield self._gap(stretch.restart_s, 0.0)
            times = stretch.times_s
            if not len(times):
                continue
            newest_s = self._windows.newest_s
            last_s = float(times[0]) if newest_s is None else newest_s
            if float(times[-1]) - last_s <= max_gap_s:  # then no single step is longer
                yield stretch
            else:
                with np.errstate(over="ignore"):  # an infinite step is a gap as well
                    steps = np.diff(times, prepend=last_s)
                begin = 0
                for cut in (*np.flatnonzero(steps > max_gap_s), len(times)):
                    if begin < cut:
                        yield Stretch(times[begin:cut], stretch.values[begin:cut])
                    if cut < len(times):
                        yield self._gap(float(times[cut]), float(steps[cut]))
                    begin = cut
            self._silent_s = 0.0

    def _gap(self, time_s: float, gap_s: float) -> Gap:
        """Count a gap before the sample at ``time_s``; ``gap_s`` is 0 if the clock was set back.

        Raises:
            StreamError: too many gaps in a row.
        """
        self._gaps_without_a_window += 1
        self.counts.gaps += 1
        stream = self.contract.stream
        if self._gaps_without_a_window >= MAX_GAPS_WITHOUT_A_WINDOW:
            last = f"of {gap_s:.3g} s" if gap_s else "a clock that stood still or was set back"
            raise StreamError(
                f"{self._gaps_without_a_window} pauses longer than {stream.max_gap_s:g} s came "
                f"before a window was full (the last {last}), expected samples at "
                f"{stream.rate_hz:g} Hz: raise the sensor's rate, check its connection, or give "
                "timestamps in seconds"
            )
        gap = Gap(time_s, was_announced=self._silent_s > 0)
        self._silent_s = 0.0
        return gap

    def _window(
        self, stretches: Iterable[Stretch | Gap | WarmingUp]
    ) -> Iterator[Window | Gap | WarmingUp]:
        """Yield each window that the samples complete; start over after a gap."""
        for item in stretches:
            if isinstance(item, Stretch):
                yield from self._windows.add(item.times_s, item.values)
            elif isinstance(item, Gap):
                self._windows.catch_up()  # so that all samples are counted
                self._windows.reset()
                self._forget_earlier_windows()
                if not item.was_announced:
                    yield item
                yield WarmingUp(item.time_s)
            else:
                yield item

    def _decide(self, windows: Iterable[Window | Gap | WarmingUp]) -> Iterator[Decision]:
        """Yield a decision for each window, gap and beginning."""
        for item in windows:
            if isinstance(item, Window):
                yield self._judge(item)
            elif isinstance(item, Gap):
                yield self._with_counts(Decision.gap(item.time_s))
            else:
                yield self._with_counts(Decision.warming_up(item.time_s))

    def _judge(self, window: Window) -> Decision:
        """Check a window, run the network on it, and decide.

        Raises:
            StreamError: wrong units or rate, or a dead sensor.
        """
        started_ns = time.perf_counter_ns()
        stream = self.contract.stream
        if checks.has_holes(window.received, stream, self._polyphase):
            self._forget_earlier_windows()
            return self._with_counts(Decision.gap(window.time_s))
        if self._is_first_window:
            checks.check_units(window.samples, stream)
        else:
            checks.check_alive(window.samples, stream)
        self._gaps_without_a_window = 0
        network_input: Features | Float32Array = window.samples
        if not self.model.takes_windows:
            new_samples = self.contract.hop_samples
            if self._is_first_window:
                new_samples = self.contract.window_samples
            self.features = self._images.advance(window.samples, new_samples)
            network_input = self.features
        self._is_first_window = False
        drawn_ns = time.perf_counter_ns()
        probabilities, _ = self.model.infer(network_input)
        inferred_ns = time.perf_counter_ns()
        decision = self._smoother.decide(window.time_s, probabilities)
        latency = Latency(
            frontend=(drawn_ns - started_ns) / 1e3,
            inference=(inferred_ns - drawn_ns) / 1e3,
            total=(time.perf_counter_ns() - started_ns) / 1e3,
        )
        return replace(decision, latency_us=latency, counts=replace(self.counts))

    def _forget_earlier_windows(self) -> None:
        """Make the next window one that shares nothing with the windows before it."""
        self._smoother.reset()
        self._images = self._front_end.stream()
        self._is_first_window = True

    def _with_counts(self, decision: Decision) -> Decision:
        return replace(decision, counts=replace(self.counts))

    def _refuse(self, error: StreamError, decisions: list[Decision]) -> None:
        """Attach the decisions so far to the error, and forget the stream."""
        error.decisions = tuple(decisions)
        self.reset()
        counts = self.counts
        counts.refused = counts.received - counts.used - counts.late - counts.duplicate
