import math
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import SourceError
from edge_runtime.recordings import Recording
from edge_runtime.sources import replay
from edge_runtime.sources.replay import ReplaySource


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self):
        self.now_s = 1000.0

    def monotonic(self):
        return self.now_s

    def sleep(self, seconds):
        assert 0 < seconds < 1e6
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(
        replay, "time", types.SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep)
    )
    return clock


def recording(times):
    times = np.asarray(times, np.float64)
    samples = np.stack([np.arange(len(times)), -np.arange(len(times))], axis=1).astype(np.float32)
    return Recording("walk.csv", times, samples, ("acc_x", "acc_y"))


def play(source, clock, work_s=0.0):
    """Return what came as pairs (seconds since the start, chunk)."""
    started_s = clock.now_s
    arrivals = []
    for chunk in source:
        arrivals.append((clock.now_s - started_s, chunk))
        clock.now_s += work_s
    return arrivals


TIMES = st.one_of(
    st.lists(st.floats(0, 0.1), min_size=1, max_size=60).map(np.cumsum),
    st.lists(
        st.floats(-1e3, 1e3) | st.sampled_from([math.nan, math.inf, -math.inf]),
        min_size=1,
        max_size=20,
    ),
)


@settings(deadline=None)
@given(times=TIMES, speed=st.sampled_from([1.0, 0.3, 100.0, math.inf]), lead_s=st.floats(0, 3))
def test_chunks_are_the_recording_at_any_speed(times, speed, lead_s):
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(
            replay, "time", types.SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep)
        )
        source = ReplaySource(recording(times), ("acc_y", "acc_x"), speed, lead_s)
        chunks = [chunk for _, chunk in play(source, clock)]
    assert all(len(chunk.samples) == len(chunk.timestamps_s) > 0 for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate([chunk.timestamps_s for chunk in chunks]), times)
    np.testing.assert_array_equal(
        np.concatenate([chunk.samples for chunk in chunks]), recording(times).samples[:, ::-1]
    )


def test_real_time_at_50_hz_yields_one_sample_at_a_time(clock):
    arrivals = play(ReplaySource(recording(7 + np.arange(500) / 50), ("acc_x",)), clock)
    assert [len(chunk.samples) for _, chunk in arrivals] == [1] * 500
    np.testing.assert_allclose([at_s for at_s, _ in arrivals], np.arange(500) / 50, atol=1e-6)


def test_fast_sensors_yield_20_ms_at_a_time_when_the_last_sample_is_due(clock):
    arrivals = play(ReplaySource(recording(np.arange(400) / 400), ("acc_x",)), clock)
    assert {len(chunk.samples) for _, chunk in arrivals} == {8}
    np.testing.assert_allclose(
        [at_s for at_s, _ in arrivals], [chunk.timestamps_s[-1] for _, chunk in arrivals]
    )


def test_a_slow_reader_causes_no_drift(clock):
    arrivals = play(ReplaySource(recording(np.arange(100) / 50), ("acc_x",)), clock, work_s=0.015)
    assert arrivals[-1][0] == pytest.approx(99 / 50)


def test_speed_divides_the_time(clock):
    arrivals = play(ReplaySource(recording(np.arange(101) / 50), ("acc_x",), speed=2.5), clock)
    assert arrivals[-1][0] == pytest.approx(2 / 2.5)


def test_the_lead_comes_at_once_and_the_rest_in_real_time(clock):
    arrivals = play(ReplaySource(recording(np.arange(100) / 50), ("acc_x",), lead_s=1.0), clock)
    assert arrivals[0][0] == 0
    assert len(arrivals[0][1].samples) == 50
    np.testing.assert_allclose([at_s for at_s, _ in arrivals[1:]], np.arange(50) / 50, atol=1e-6)


def test_at_maximum_speed_nothing_waits(clock):
    arrivals = play(
        ReplaySource(recording(np.arange(2500) / 50), ("acc_x",), speed=math.inf), clock
    )
    assert [(at_s, len(chunk.samples)) for at_s, chunk in arrivals] == [
        (0, 1024),
        (0, 1024),
        (0, 452),
    ]


def test_a_long_pause_is_waited_for_and_an_infinite_one_is_not(clock):
    arrivals = play(ReplaySource(recording([0, 1e6, math.inf, math.nan, 1e6]), ("acc_x",)), clock)
    assert [at_s for at_s, _ in arrivals] == pytest.approx([0, 1e6, 1e6, 1e6, 1e6])


def test_it_can_be_played_again(clock):
    source = ReplaySource(recording([0, 0.5]), ("acc_x",))
    assert [at_s for at_s, _ in play(source, clock)] == [at_s for at_s, _ in play(source, clock)]


def test_duration_and_recording():
    source = ReplaySource(recording([3, 4.5]), ("acc_y",))
    assert source.duration_s == 1.5
    assert source.recording.channels == ("acc_y",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed": 0.0}, "speed 0, expected above 0 or max"),
        ({"speed": -1.0}, "speed -1"),
        ({"speed": math.nan}, "nan"),
        ({"lead_s": -1.0}, "lead_s=-1"),
        ({"lead_s": math.inf}, "lead_s=inf"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(SourceError, match=message):
        ReplaySource(recording([0]), ("acc_x",), **options)


def test_a_missing_channel_is_refused_before_playing():
    with pytest.raises(SourceError, match="lacks the channels gyro_x"):
        ReplaySource(recording([0]), ("acc_x", "gyro_x"))
