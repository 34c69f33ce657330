"""Tiny files in the layout that the archive's WISDM-dataset-description.pdf describes."""

import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets.wisdm import load_wisdm

BOOT_NS = 252207666810782  # as in the first line of person 1600


def lines(person, letter, times_s, values):
    return "".join(
        f"{person},{letter},{BOOT_NS + round(t * 1e9)},{x:.7g},{y:.7g},{z:.7g};\n"
        for t, (x, y, z) in zip(times_s, values, strict=True)
    )


def wave(times_s):
    return np.sin(np.asarray(times_s)[:, None] + np.arange(3))


ACC_S, GYRO_S = np.arange(0, 10, 0.05), np.arange(-0.02, 10.1, 0.0501)


def files():
    folder = "wisdm-dataset/raw"
    watch = {
        f"{folder}/watch/{sensor}/data_{person}_{sensor}_watch.txt": lines(
            person, "A", times_s, wave(times_s)
        )
        + lines(person, "S", times_s + 100, wave(times_s + 100))
        for person in (1600, 1601)
        for sensor, times_s in (("accel", ACC_S), ("gyro", GYRO_S))
    }
    return watch | {
        f"{folder}/phone/accel/data_1600_accel_phone.txt": "not read",
        "wisdm-dataset/activity_key.txt": "",
    }


@pytest.mark.parametrize("how", ["folder", "zip", "nested"])
def test_the_published_layout(published, how):
    data_set = load_wisdm(published(files(), how, inner="wisdm-dataset.zip"))
    assert [(r.subject, data_set.label_names[r.labels[0]]) for r in data_set.recordings] == [
        ("1600", "walking"),
        ("1600", "folding"),
        ("1601", "walking"),
        ("1601", "folding"),
    ]
    assert (data_set.rate_hz, len(data_set.label_names)) == (20, 18)
    for recording, start_s in zip(data_set.recordings[:2], (0, 100), strict=True):
        times_s = start_s + np.arange(200) / 20
        assert np.allclose(recording.samples[:, :3], wave(times_s), atol=1e-5)
        # Interpolated linearly.
        assert np.abs(recording.samples[:, 3:] - wave(times_s)).max() < 0.05**2 / 8 + 1e-5
    assert np.allclose(np.diff(data_set.clocks[0].times_s), 0.05)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1600,N,1,0,0,0;\n", "has the activity 'N'"),
        ("1600,A,1,0,0;\n", "is not the table that was published"),
    ],
)
def test_other_lines(published, text, message):
    changed = files() | {"wisdm-dataset/raw/watch/gyro/data_1600_gyro_watch.txt": text}
    with pytest.raises(DataError, match=message):
        load_wisdm(published(changed, "zip"))


def test_an_activity_that_one_sensor_missed_is_left_out(published):
    walking = lines(1600, "A", GYRO_S, wave(GYRO_S))
    changed = files() | {"wisdm-dataset/raw/watch/gyro/data_1600_gyro_watch.txt": walking}
    data_set = load_wisdm(published(changed, "zip"))
    assert [(r.subject, data_set.label_names[r.labels[0]]) for r in data_set.recordings] == [
        ("1600", "walking"),
        ("1601", "walking"),
        ("1601", "folding"),
    ]
