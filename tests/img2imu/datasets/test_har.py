"""Tiny files in the layout that the README of the published archive describes."""

import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets.har import TABLES, load_har

from .conftest import table


def signal(n_windows, seed):
    """Return (samples, 6) in g and rad/s, enough for n windows that overlap by half."""
    return np.random.default_rng(seed).normal(0, 1, (64 * (n_windows + 1), 6)).round(4)


def windows_of(samples):
    return [samples[start : start + 128] for start in range(0, len(samples) - 127, 64)]


WALK, SIT, OTHER = signal(3, 0), signal(2, 1), signal(1, 2)


def files():
    written = {}
    for part, windows, people, labels in (
        ("train", windows_of(WALK) + windows_of(SIT), [1] * 5, [1] * 3 + [4] * 2),
        ("test", windows_of(OTHER), [2], [6]),
    ):
        folder = f"UCI HAR Dataset/{part}"
        written |= {
            f"{folder}/subject_{part}.txt": table([[p] for p in people]),
            f"{folder}/y_{part}.txt": table([[label] for label in labels]),
        }
        for column, name in enumerate(TABLES):
            written[f"{folder}/Inertial Signals/{name}_{part}.txt"] = table(
                [w[:, column] for w in windows]
            )
    return written


@pytest.mark.parametrize("how", ["folder", "zip", "nested"])
def test_the_published_layout(published, how):
    data_set = load_har(published(files(), how, inner="UCI HAR Dataset.zip"))
    assert [(r.subject, data_set.label_names[r.labels[0]]) for r in data_set.recordings] == [
        ("1", "walking"),
        ("1", "sitting"),
        ("2", "laying"),
    ]
    for recording, samples in zip(data_set.recordings, (WALK, SIT, OTHER), strict=True):
        # The signal is the one that the windows were cut from. No sample occurs twice.
        assert np.allclose(recording.samples, samples * ([9.80665] * 3 + [1] * 3), atol=1e-4)


def test_windows_of_two_people_are_not_joined(published):
    changed = files()
    changed["UCI HAR Dataset/train/subject_train.txt"] = "1\n3\n3\n1\n1\n"
    data_set = load_har(published(changed, "zip"))
    assert [(r.subject, len(r.samples)) for r in data_set.recordings] == [
        ("1", 128),
        ("3", 192),
        ("1", 192),
        ("2", 128),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train/y_train.txt", "1\n", "5 people, 1 labels"),
        ("train/y_train.txt", "1\n1\n1\n9\n4\n", "labels 1 to 6"),
        (
            "test/Inertial Signals/body_gyro_z_test.txt",
            "1 2 3\n",
            r"tables of the shapes \[\(1, 3\), \(1, 128\)\] in test",
        ),
    ],
)
def test_other_files(published, name, text, message):
    with pytest.raises(DataError, match=message):
        load_har(published(files() | {f"UCI HAR Dataset/{name}": text}, "zip"))
