"""Tiny files in the layout that the README of the published archive describes."""

import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets.hapt import ACTIVITIES, load_hapt

from .conftest import table

ACC = np.random.default_rng(0).normal(0, 0.1, (200, 3)) + np.array([1.02, -0.12, 0.1])  # g
GYRO = np.random.default_rng(1).normal(0, 0.5, (200, 3))
LABELS = "1 7 5 11 60\n1 7 7 61 90\n1 7 4 91 150\n2 9 1 1 100\n"


def files(**changes):
    names = {
        "acc_exp01_user07": table(ACC),
        "gyro_exp01_user07": table(GYRO),
        "acc_exp02_user09": table(ACC[:100]),
        "gyro_exp02_user09": table(GYRO[:100]),
        "labels": LABELS,
    } | changes
    return {f"RawData/{name}.txt": text for name, text in names.items() if text} | {
        "README.txt": "words"
    }


@pytest.mark.parametrize("how", ["folder", "zip"])
def test_the_published_layout(published, how):
    data_set = load_hapt(published(files(), how))
    first, second = data_set.recordings
    assert (first.subject, second.subject, data_set.rate_hz) == ("7", "9", 50)
    assert np.allclose(first.samples, np.hstack([ACC * 9.80665, GYRO]), atol=1e-4)
    names = [data_set.label_names[label] if label >= 0 else "" for label in first.labels]
    # Counted from 1, with both ends.
    assert (
        names
        == [""] * 10 + ["standing"] * 50 + ["stand_to_sit"] * 30 + ["sitting"] * 60 + [""] * 50
    )
    assert set(second.labels) == {0} and data_set.label_names[0] == "walking"


def test_the_few_shot_task_uses_these_names():
    from img2imu.fewshot.tasks import pick_tasks

    assert set(pick_tasks(["hapt"])[0].labels) <= set(ACTIVITIES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gyro_exp02_user09": ""}, r"holds no file like gyro_exp02_user09"),
        ({"labels": ""}, "holds no file like RawData/labels"),
        (
            {"gyro_exp01_user07": table(GYRO[:9])},
            r"has the shape \(200, 3\) and its gyroscope \(9, 3\)",
        ),
        ({"labels": "1 7 13 1 9\n"}, "names the activity 13, expected 1 to 12"),
        ({"labels": "one"}, r"RawData/labels.txt in .* is not the table that was published"),
    ],
)
def test_other_files(published, changes, message):
    with pytest.raises(DataError, match=message):
        load_hapt(published(files(**changes), "zip"))
