import numpy as np
import pytest

from edge_runtime.decision import Decision, Latency
from edge_runtime.machine import read_memory
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk
from edge_runtime.web.health import Health


class Source:
    def __init__(self):
        self.notes = Notes("a source")


@pytest.fixture
def health():
    return Health(Source())


def chunk(begin_s, n, rate_hz):
    return Chunk(begin_s + np.arange(n) / rate_hz, np.zeros((n, 6), np.float32))


def test_the_rate_is_measured_on_the_sensors_clock(health):
    for i in range(40):
        health.record([chunk(1000 + i * 0.5, 30, 60)], [])
    assert health.rate_hz == pytest.approx(60, rel=1e-3)


def test_the_rate_is_measured_afresh_after_a_gap_and_after_a_clock_set_back(health):
    health.record([chunk(0, 50, 50)], [])
    for begin_s in (100.0, 3.0):
        health.record([chunk(begin_s, 100, 100)], [])
        assert health.rate_hz == pytest.approx(100)


def test_unknown_figures_are_none_before_the_first_samples(health):
    figures = health.read(None)
    assert (
        figures["rate_hz"] is None and figures["silent_s"] is None and figures["latency_us"] is None
    )
    health.record([chunk(0, 1, 50)], [])
    assert health.rate_hz is None


def test_the_latency_is_the_median_of_each_stage(health):
    decisions = [
        Decision(0.0, "recognised", "rest", 1.0, (1.0,), (1.0,), Latency(us, 2 * us, 4 * us))
        for us in (1.0, 100.0, 3.0)
    ]
    health.record([], [*decisions, Decision.gap(1.0)])
    assert health.read(None)["latency_us"] == {"frontend": 3.0, "inference": 6.0, "total": 12.0}


def test_memory_and_processor_use_of_this_process_are_positive(health):
    assert 5 < read_memory().resident_mb < 100_000
    sum(i * i for i in range(300_000))
    assert health.read(None)["cpu"] > 0
