import numpy as np
import pytest

from edge_runtime.errors import SourceError
from edge_runtime.recordings import Recording


def recording(channels=("acc_x", "acc_y", "gyro_z"), n=4, ignored=()):
    samples = np.arange(n * len(channels), dtype=np.float32).reshape(n, len(channels))
    return Recording("walk.csv", np.arange(n) / 50, samples, channels, ignored)


def test_select_reorders_and_drops():
    selected = recording().select(("gyro_z", "acc_x"))
    assert selected.channels == ("gyro_z", "acc_x")
    assert selected.samples[1].tolist() == [5, 3]
    assert selected.samples.flags.c_contiguous


def test_select_lists_the_missing_channels_and_the_columns():
    with pytest.raises(
        SourceError, match=r"lacks the channels acc_z, gyro_x, .* gyro_z, accel_z: rename"
    ):
        recording(ignored=("accel_z",)).select(("acc_x", "acc_z", "gyro_x"))


def test_duration_uses_the_timestamps():
    assert recording(n=51).duration_s == 1.0


@pytest.mark.parametrize(
    ("times", "samples", "channels", "message"),
    [
        (np.zeros(3), np.zeros((4, 1), np.float32), ("acc_x",), "shape"),
        (np.zeros(3), np.zeros((3, 2), np.float32), ("acc_x",), "1 channel names"),
        (np.zeros((3, 1)), np.zeros((3, 1), np.float32), ("acc_x",), "shape"),
        (np.zeros(3), np.zeros((3, 2), np.float32), ("acc_x", "acc_x"), "twice"),
        (np.zeros(0), np.zeros((0, 1), np.float32), ("acc_x",), "no samples"),
    ],
)
def test_shapes_that_disagree_are_refused(times, samples, channels, message):
    with pytest.raises(SourceError, match=message):
        Recording("walk.npz", times, samples, channels)
