"""Tiny files in the layout that the README of the published repository describes."""

import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets.swim import HEADER, LABELS, load_swim

ROW = np.array(
    [1, 694380780922354.4, 2.02, 4.75, 8.52, -0.7, 0.41, 0.55, 7.6, -4.4, -35.6, 1018.2, 332.4]
)
FOLDER = "swimming-recognition-lap-counting-468ee35/data/processed_30hz_relabeled"


def text(labels):
    return (
        HEADER
        + ",ACC_012\n"
        + "".join(
            ",".join(map(repr, [*ROW.tolist(), float(label), 9.9])) + "\n" for label in labels
        )
    )


@pytest.mark.parametrize("how", ["folder", "zip"])
def test_the_published_layout(published, how):
    data_set = load_swim(
        published(
            {
                f"{FOLDER}/0/Freestyle_1527873200322.csv": text([0, 1, 1, 5]),
                f"{FOLDER}/11/Butterfly_1526814353094.csv": text([4, -1, 6]),
                f"{FOLDER}/.gitkeep": "",
            },
            how,
        )
    )
    first, second = data_set.recordings
    assert [(r.subject, r.labels.tolist()) for r in (first, second)] == [
        ("0", [0, 1, 1, 5]),
        ("11", [4, -1, -1]),
    ]
    assert np.allclose(first.samples, ROW[2:8])
    assert data_set.label_names == LABELS and data_set.rate_hz == 30


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (text([7]), "has other labels than -1 to 6"),
        ("a,b\n1,2\n", "begins with 'a,b', expected ,timestamp,ACC_0"),
    ],
)
def test_other_tables(published, content, message):
    with pytest.raises(DataError, match=message):
        load_swim(published({f"{FOLDER}/0/a.csv": content}, "zip"))
