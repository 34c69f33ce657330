import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets import load_data_set


def write_npz(path):
    np.savez(
        path,
        signal=np.ones((40, 1)),
        label=np.zeros(40, int),
        recording=np.zeros(40, int),
        recording_subject=np.array(["ada"]),
        label_names=np.array(["walk"]),
        channels=np.array(["gyro_x"]),
        rate_hz=25.0,
    )


def write_csv(folder):
    (folder / "walk").mkdir(parents=True)
    rows = "".join(f"{i / 50},{i % 3}\n" for i in range(40))
    (folder / "walk" / "1.csv").write_text("time_s,gyro_x\n" + rows)


def test_every_kind_of_data_set(tmp_path, monkeypatch):
    write_npz(tmp_path / "mine.npz")
    write_csv(tmp_path / "watch")
    monkeypatch.chdir(tmp_path)
    assert load_data_set("watch").channels[0] == "acc_x"
    assert load_data_set("./watch").rate_hz == 50
    assert load_data_set("./watch", 25.0).rate_hz == 25
    assert load_data_set("mine.npz").recordings[0].subject == "ada"
    assert load_data_set("mine.npz", 25.0).rate_hz == 25


def test_a_rate_for_a_data_set_with_a_fixed_rate(tmp_path):
    write_npz(tmp_path / "mine.npz")
    with pytest.raises(
        DataError, match=r"mine.npz has 25 samples per second, but rate_hz=50 was given"
    ):
        load_data_set(str(tmp_path / "mine.npz"), 50.0)


@pytest.mark.parametrize("spec", ["wacth", "mine.npz", "none.csv", "watch:x", "hapt:", ""])
def test_no_such_data_set(tmp_path, monkeypatch, spec):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError,
        match=f"there is no data set '{spec}', expected watch, hapt.* an .npz file, a .csv",
    ):
        load_data_set(spec)
