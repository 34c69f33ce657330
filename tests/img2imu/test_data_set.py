import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets import DataSet, LabelledRecording

RECORDING = LabelledRecording("a", "me", np.zeros((20, 1), np.float32), np.zeros(20, np.int16))
GOOD = {
    "name": "road",
    "licence": "",
    "citation": "",
    "rate_hz": 50.0,
    "channels": ("acc_z",),
    "label_names": ("pothole", "smooth"),
    "recordings": (RECORDING,),
}


def test_a_valid_data_set():
    assert DataSet(**GOOD).recordings == (RECORDING,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"channels": ("acc_x", "acc_y")},
            "road has the channels acc_x, acc_y, expected 1, 3 or 6 .* rename",
        ),
        ({"channels": ("acc_x",) * 3}, "different ones"),
        ({"channels": ("ax",)}, "channels ax"),
        ({"channels": ()}, "channels none"),
        ({"rate_hz": 9.0}, "9 samples per second, expected 10 to 400"),
        ({"rate_hz": float("nan")}, "nan samples per second"),
        ({"label_names": ("walk", " ")}, "label name ' '"),
        ({"label_names": ("walk", "a\nb")}, r"label name 'a\\nb'"),
        ({"label_names": ("walk", "walk")}, "label name 'walk', expected different"),
        ({"recordings": ()}, "no recordings"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(DataError, match=message):
        DataSet(**(GOOD | change))
