import time

import pytest

from edge_runtime.bench.worker import Feeder, measure_live, measure_speed
from edge_runtime.recognizer import Recognizer


@pytest.fixture
def feeder(make_contract, fake_model):
    """A recogniser with a full window; its network takes at least so many seconds."""

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


def test_every_hop_gives_a_decision_however_long_the_stream(feeder):
    f = feeder()
    hop = f.recognizer.contract.hop_samples
    assert all(len(f.push(hop)) == 1 for _ in range(300))


def test_the_stages_add_up(feeder):
    speed = measure_speed(feeder(network_s=0.002), 0.2)
    assert speed.threads == 3
    assert speed.decisions >= 1
    assert speed.inference.p50_us >= 2000
    for stage in (speed.front_end, speed.inference, speed.rest, speed.total):
        assert 0 < stage.p50_us <= stage.p90_us <= stage.p99_us <= stage.max_us
    assert speed.total.max_us >= speed.inference.max_us
    assert (
        speed.total.p50_us
        >= speed.inference.p50_us + min(speed.front_end.p50_us, speed.rest.p50_us) / 100
    )


def test_a_sleeping_network_costs_time_but_no_processor(feeder):
    speed = measure_speed(feeder(network_s=0.05), 0.3)
    assert speed.cpu_us < 50_000 < speed.total.p50_us


def test_decisions_slower_than_a_hop_are_late(feeder):
    slow = measure_speed(feeder(network_s=0.03, rate_hz=400.0), 0.1)  # a hop of 8 samples is 20 ms
    assert slow.late == slow.decisions
    assert slow.decisions >= 1


def test_live_samples_come_at_their_rate(feeder):
    started = time.perf_counter()
    live = measure_live(feeder(), 0.64)  # 50 Hz, hop 8: four decisions
    assert time.perf_counter() - started >= 0.64
    assert live.decisions == 4
    assert live.seconds >= 0.64
    assert 0 < live.cpu_share < 1.5
    assert live.age.p50_us > 0


def test_the_age_holds_the_network_and_late_ones_are_counted(feeder):
    live = measure_live(feeder(network_s=0.05, rate_hz=400.0), 0.1)
    assert live.age.p50_us >= 50_000
    assert live.late == live.decisions == 5


def test_a_live_measurement_shorter_than_a_hop_still_has_a_decision(feeder):
    assert measure_live(feeder(), 0.01).decisions == 1
