"""The decisions of a stream computed another way: cut at its gaps, each piece resampled whole, windows cut out."""

from __future__ import annotations

import numpy as np
from day_long_source import Block

from edge_runtime.contract.spec import Contract
from edge_runtime.decision import Decision, Smoother
from edge_runtime.frontend import FrontEnd
from edge_runtime.network.interpreter import Model
from edge_runtime.stream.checks import has_holes
from edge_runtime.stream.counts import StreamCounts
from edge_runtime.stream.order import RESTART_S
from edge_runtime.stream.resampler import LinearResampler


class Batch:
    """Gives decisions piece by piece: nothing of one window is used for the next, but the smoothing.

    Args:
        contract: of the model.
        model: the network.
    """

    def __init__(self, contract: Contract, model: Model) -> None:
        self._contract, self._model = contract, model
        self._front_end = FrontEnd.of(contract)
        self._times: list[float] = []
        self._rows: list[np.ndarray] = []
        self.expected = StreamCounts()  # what must have become of the samples so far

    def take(self, block: Block) -> list[Decision]:
        """Take samples in the order of their arrival; the decisions of pieces that have ended, and of their gaps."""
        expected, decisions = self.expected, list[Decision]()
        expected.received += len(block.times_s)
        for time_s, row in zip(block.times_s.tolist(), block.values, strict=True):
            newest_s = self._times[-1] if self._times else -np.inf
            if (
                self._times
                and not newest_s - RESTART_S <= time_s <= newest_s + self._contract.stream.max_gap_s
            ):
                decisions += [*self.finish(), Decision.gap(time_s), Decision.warming_up(time_s)]
                expected.gaps += 1
            elif time_s <= newest_s:
                expected.duplicate += time_s == newest_s
                expected.late += time_s < newest_s
                continue
            self._times.append(time_s)
            self._rows.append(row)
        return decisions

    def finish(self) -> list[Decision]:
        """The decisions of the last piece."""
        contract, n = self._contract, self._contract.window_samples
        piece = LinearResampler(contract.stream.rate_hz, len(contract.stream.channels)).resample(
            np.array(self._times), np.array(self._rows, np.float32)
        )
        self.expected.used += len(self._times)
        self.expected.interpolated += piece.interpolated
        self._times, self._rows = [], []
        smoother, decisions = Smoother(contract.decision, contract.labels), []
        for end in range(n, len(piece.times_s) + 1, contract.hop_samples):
            time_s = float(piece.times_s[end - 1])
            if has_holes(piece.received[end - n : end], contract.stream):
                smoother.reset()
                decisions.append(Decision.gap(time_s))
                continue
            features = self._front_end.compute(piece.samples[end - n : end])
            decisions.append(smoother.decide(time_s, self._model.infer(features)[0]))
        return decisions
