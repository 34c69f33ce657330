"""Tiny files in the layout that the README of the published repository describes."""

import numpy as np
import pytest

from edge_runtime.errors import DataError
from edge_runtime.stream.checks import acceleration_kind
from img2imu.datasets.motionsense import load_motionsense

HEADER = (
    ",attitude.roll,attitude.pitch,attitude.yaw,gravity.x,gravity.y,gravity.z,rotationRate.x,rotationRate.y,"
    "rotationRate.z,userAcceleration.x,userAcceleration.y,userAcceleration.z\n"
)
# The first two lines of the README's example.
ROWS = (
    "0,-2.544349,-1.250641,2.175416,-0.176977,0.949187,0.260222,-7.204869,2.267762,0.103529,-0.060221,1.576174,"
    "-0.091292\n"
    "1,-2.524075,-1.187355,2.047589,-0.21661,0.927383,0.305012,-2.554745,6.548334,-0.005139,0.134136,0.860307,"
    "-2.152149\n"
)
FOLDER = "A_DeviceMotion_data"


@pytest.mark.parametrize("how", ["folder", "zip"])
def test_the_published_layout(published, how):
    data_set = load_motionsense(
        published(
            {
                f"{FOLDER}/dws_1/sub_1.csv": HEADER + ROWS,
                f"{FOLDER}/std_14/sub_24.csv": HEADER + ROWS[: ROWS.index("\n") + 1],
                f"__MACOSX/{FOLDER}/dws_1/._sub_1.csv": "\0",
            },
            how,
        )
    )
    first, second = data_set.recordings
    assert (first.subject, data_set.label_names[first.labels[0]], len(first.samples)) == (
        "1",
        "downstairs",
        2,
    )
    assert (second.subject, data_set.label_names[second.labels[0]], len(second.samples)) == (
        "24",
        "standing",
        1,
    )
    # By hand: -(gravity + userAcceleration) * 9.80665, and rotationRate as it is
    assert np.allclose(
        first.samples[0], [2.326124, -24.76533, -1.656637, -7.204869, 2.267762, 0.103529], atol=1e-4
    )


def test_gravity_points_as_on_android(published):
    on_the_table = "".join(f"{i},0,0,0,0,0,-1,0,0,0,0,0,0.001\n" for i in range(100))
    (recording,) = load_motionsense(
        published({f"{FOLDER}/sit_5/sub_1.csv": HEADER + on_the_table}, "zip")
    ).recordings
    assert recording.samples[0, 2] == pytest.approx(9.8, abs=0.01)
    assert acceleration_kind(recording.samples[:, :3]) == "si"


def test_another_data_set_of_the_same_repository(published):
    with pytest.raises(DataError, match="is not the table that was published"):
        load_motionsense(
            published({"B_Accelerometer_data/dws_1/sub_1.csv": ",x,y,z\n0,0,0,1\n"}, "zip")
        )
