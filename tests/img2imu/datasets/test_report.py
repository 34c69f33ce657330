import numpy as np

from img2imu.datasets import Clock
from img2imu.datasets.inspection import inspect_data_set
from img2imu.datasets.report import to_text

from .test_inspection import data_set, recording


def test_without_timestamps():
    text = to_text(inspect_data_set(data_set(recording(), recording("b", "bo", 400, 1))))
    lines = text.splitlines()
    assert lines[0] == "mine: acc_x, acc_y, acc_z, gyro_x, gyro_y, gyro_z at 50 Hz"
    assert lines[1] == "2 recordings of 2 people, 6.8 min, of which 0.0 s without a label"
    assert "time     no timestamps: the data come on a uniform grid" in text
    assert "units    looks like m/s^2 with gravity\n" in text
    assert "walk            1       1        6.0        1\n" in text
    assert "run             1       1      400.0       80\n" in text
    assert max(map(len, lines)) <= 110


def test_with_timestamps():
    times_s = np.arange(0, 20, 0.02)
    times_s[500:] += 3
    clocks = [Clock("a", times_s), Clock("b", np.arange(0, 9, 0.0202))]
    text = to_text(inspect_data_set(data_set(recording(), clocks=clocks)))
    assert "rate     49.75 Hz measured (49.50 to 50.00 over the recordings)\n" in text
    assert "jitter   0.00 ms standard deviation of a step, 98 % within -0.00 and +0.00 ms" in text
    assert "gaps     1 gap, the longest 3.0 s" in text


def test_time_in_milliseconds_or_worse():
    text = to_text(
        inspect_data_set(data_set(recording(), clocks=[Clock("a", np.arange(0, 9000, 20.0))]))
    )
    assert "time     no two samples within half a second of each other\n" in text
