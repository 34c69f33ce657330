"""Tiny files in the layout that readme.txt in the published archive describes."""

import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets import hhar
from img2imu.datasets.hhar import HEADER, load_hhar

START_NS = 1424696631913248572  # as in the first line of Phones_accelerometer.csv


def wave(times_s):
    return np.sin(np.asarray(times_s)[:, None] + np.arange(3)) + np.array([0, 0, 9.8])


def lines(times_s, user="a", device="nexus4_1", activity="stand", values=None):
    values = wave(times_s) if values is None else values
    return "".join(
        f"{i},1424696633908,{START_NS + round(t * 1e9)},{x:.7g},{y:.7g},{z:.7g},{user},"
        f"{device[:-2]},{device},{activity}\n"
        for i, (t, (x, y, z)) in enumerate(zip(times_s, values, strict=True))
    )


FAST, SLOW = np.arange(0, 5, 0.005), np.arange(0, 5, 0.01)


def files(acc, gyro):
    return {
        "Activity recognition exp/Phones_accelerometer.csv": f"{HEADER}\n{acc}",
        "Activity recognition exp/Phones_gyroscope.csv": f"{HEADER}\n{gyro}",
        "Activity recognition exp/Watch_accelerometer.csv": "not read",
    }


@pytest.mark.parametrize("how", ["folder", "zip", "nested"])
def test_the_published_layout(published, how, monkeypatch):
    monkeypatch.setattr(hhar, "BLOCK_LINES", 300)  # so that a phone's rows are in several blocks
    acc = (
        lines(FAST)
        + lines(FAST + 5, activity="null")
        + lines(FAST + 10, activity="stairsup")
        + lines(SLOW, "b", "s3mini_2", "bike")
    )
    gyro = lines(np.arange(-0.1, 15.1, 0.005)) + lines(SLOW, "b", "s3mini_2", "bike")
    data_set = load_hhar(published(files(acc, gyro), how, inner="Activity recognition exp.zip"))
    first, second = data_set.recordings
    assert (first.name, first.subject, second.subject) == ("user a nexus4_1", "a", "b")
    times_s = np.arange(len(first.samples)) / 50
    assert len(first.samples) == 750
    assert np.abs(first.samples - np.hstack([wave(times_s)] * 2)).max() < 1e-3
    names = [data_set.label_names[label] if label >= 0 else "" for label in first.labels]
    assert names == ["stand"] * 250 + [""] * 250 + ["stairsup"] * 250
    assert data_set.label_names[second.labels[0]] == "bike"


def test_rows_out_of_order_and_twice(published):
    shuffled = np.random.default_rng(0).permutation(np.concatenate([FAST, FAST[:50]]))
    (recording,) = load_hhar(published(files(lines(shuffled), lines(FAST)), "zip")).recordings
    assert (
        np.abs(recording.samples[:, :3] - wave(np.arange(len(recording.samples)) / 50)).max() < 1e-3
    )


def test_a_phone_without_gyroscope_is_left_out(published):
    data_set = load_hhar(published(files(lines(FAST) + lines(FAST, "b"), lines(FAST, "b")), "zip"))
    assert {recording.subject for recording in data_set.recordings} == {"b"}


@pytest.mark.parametrize(
    ("acc", "message"),
    [
        (lines(SLOW, activity="swim"), "has the activity 'swim', expected null or one of bike"),
        ("0,1,2,3\n", "is not the table that was published"),
    ],
)
def test_other_rows(published, acc, message):
    with pytest.raises(DataError, match=message):
        load_hhar(published(files(acc, lines(SLOW)), "zip"))


def test_another_header(published):
    changed = files("", "") | {
        "Activity recognition exp/Phones_accelerometer.csv": "x,y,z\n1,2,3\n"
    }
    with pytest.raises(DataError, match=r"begins with 'x,y,z', expected Index,Arrival_Time"):
        load_hhar(published(changed, "zip"))
