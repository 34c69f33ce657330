import dataclasses

import numpy as np
import pytest

from edge_runtime.bench.made_motion import HOPS, made_motion
from edge_runtime.stream.checks import check_alive, check_units


@pytest.mark.parametrize("gravity", ["included", "removed", "unknown"])
@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("rate_hz", [10.0, 50.0, 400.0])
def test_every_window_passes_the_checks(make_contract, channels, gravity, rate_hz):
    contract = make_contract(channels, rate_hz, window_samples=100, stream={"max_gap_s": 1.0})
    contract = dataclasses.replace(
        contract, stream=dataclasses.replace(contract.stream, gravity=gravity)
    )
    samples = made_motion(contract)
    assert samples.shape == (100 + HOPS * contract.hop_samples, channels)
    assert samples.dtype == np.float32
    for start in range(0, len(samples) - 100, 16):
        check_units(samples[start : start + 100], contract.stream)
        check_alive(samples[start : start + 100], contract.stream)


def test_gyroscopes_alone_are_fed_too(make_contract):
    contract = make_contract(3)
    spec = dataclasses.replace(
        contract.stream, channels=("gyro_x", "gyro_y", "gyro_z"), gravity="unknown"
    )
    samples = made_motion(dataclasses.replace(contract, stream=spec))
    assert np.abs(samples).max() < 2
    assert samples.std(0).min() > 0.05
