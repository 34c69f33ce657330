import dataclasses
import time

import numpy as np
import pytest

from edge_runtime.bench.worker import (
    MOTION_HOPS,
    Feeder,
    made_motion,
    measure_live,
    measure_speed,
)
from edge_runtime.recognizer import Recognizer
from edge_runtime.stream.checks import check_alive, check_units


@pytest.fixture
def make_feeder(make_contract, fake_model):
    """A recogniser with a full window, whose network takes at least the given seconds."""

    def make(network_s=0.0, **changes):
        contract = make_contract(**changes)
        model = fake_model(len(contract.labels))
        quick = model.infer

        def infer(features):
            time.sleep(network_s)
            return quick(features)

        model.infer, model.threads = infer, 3
        feeder = Feeder(Recognizer(contract, model))
        assert len(feeder.push(contract.window_samples)) == 1
        return feeder

    return make


# ---- made motion


@pytest.mark.parametrize("gravity", ["included", "removed", "unknown"])
@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("rate_hz", [10.0, 50.0, 400.0])
def test_every_window_of_made_motion_passes_the_checks(make_contract, channels, gravity, rate_hz):
    contract = make_contract(channels, rate_hz, window_samples=100, stream={"max_gap_s": 1.0})
    contract = dataclasses.replace(
        contract, stream=dataclasses.replace(contract.stream, gravity=gravity)
    )
    samples = made_motion(contract)
    assert samples.shape == (100 + MOTION_HOPS * contract.hop_samples, channels)
    assert samples.dtype == np.float32
    for start in range(0, len(samples) - 100, 16):
        check_units(samples[start : start + 100], contract.stream)
        check_alive(samples[start : start + 100], contract.stream)


def test_motion_is_made_for_a_gyroscope_alone(make_contract):
    contract = make_contract(3)
    spec = dataclasses.replace(
        contract.stream, channels=("gyro_x", "gyro_y", "gyro_z"), gravity="unknown"
    )
    samples = made_motion(dataclasses.replace(contract, stream=spec))
    assert np.abs(samples).max() < 2
    assert samples.std(0).min() > 0.05


# ---- decisions without pauses


def test_every_hop_gives_a_decision_however_long_the_stream(make_feeder):
    feeder = make_feeder()
    hop = feeder.recognizer.contract.hop_samples
    assert all(len(feeder.push(hop)) == 1 for _ in range(300))


def test_the_stages_add_up(make_feeder):
    speed = measure_speed(make_feeder(network_s=0.002), 0.2)
    assert speed.threads == 3
    assert speed.decisions >= 1
    assert speed.inference.p50_us >= 2000
    for stage in (speed.front_end, speed.inference, speed.rest, speed.total):
        assert 0 < stage.p50_us <= stage.p90_us <= stage.p99_us <= stage.max_us
    assert speed.total.max_us >= speed.inference.max_us
    smaller_us = min(speed.front_end.p50_us, speed.rest.p50_us)
    assert speed.total.p50_us >= speed.inference.p50_us + smaller_us / 100


def test_a_sleeping_network_takes_no_processor_time(make_feeder):
    speed = measure_speed(make_feeder(network_s=0.05), 0.3)
    assert speed.cpu_us < 50_000 < speed.total.p50_us


def test_decisions_slower_than_a_hop_are_late(make_feeder):
    feeder = make_feeder(network_s=0.03, rate_hz=400.0)  # a hop of 8 samples is 20 ms
    slow = measure_speed(feeder, 0.1)
    assert slow.late == slow.decisions
    assert slow.decisions >= 1


# ---- live


def test_live_samples_come_at_their_rate(make_feeder):
    started = time.perf_counter()
    live = measure_live(make_feeder(), 0.64)  # 50 Hz, hop 8: four decisions
    assert time.perf_counter() - started >= 0.64
    assert live.decisions == 4
    assert live.seconds >= 0.64
    assert 0 < live.cpu_share < 1.5
    assert live.age.p50_us > 0


def test_the_age_includes_the_network_and_late_decisions_are_counted(make_feeder):
    live = measure_live(make_feeder(network_s=0.05, rate_hz=400.0), 0.1)
    assert live.age.p50_us >= 50_000
    assert live.late == live.decisions == 5


def test_a_live_measurement_shorter_than_a_hop_still_has_a_decision(make_feeder):
    assert measure_live(make_feeder(), 0.01).decisions == 1
