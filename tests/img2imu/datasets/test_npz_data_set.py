import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets.npz import load_npz

SIGNAL = np.random.default_rng(0).normal((0, 0, 9.8), 0.5, (100, 3))
GOOD = {
    "signal": SIGNAL,
    "label": np.repeat([0, -1, 1, 0], 25).astype(np.int8),
    "recording": np.repeat([0, 2, 1], [40, 20, 40]).astype(np.int16),
    "recording_subject": np.array([7, 7, 12]),
    "label_names": np.array(["walk", "run"]),
    "channels": np.array(["acc_x", "acc_y", "acc_z"]),
    "rate_hz": np.float64(50),
    "comment": np.array("passed over"),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "walks.npz"


def test_recordings_keep_their_order_samples_labels_and_people(path):
    np.savez(path, **GOOD)
    data_set = load_npz(path)
    assert (data_set.name, data_set.rate_hz, data_set.label_names) == (
        "walks",
        50.0,
        ("walk", "run"),
    )
    assert [len(recording.samples) for recording in data_set.recordings] == [40, 20, 40]
    assert [recording.subject for recording in data_set.recordings] == ["7", "12", "7"]
    assert np.array_equal(
        np.concatenate([r.samples for r in data_set.recordings]), SIGNAL.astype(np.float32)
    )
    labels = np.concatenate([recording.labels for recording in data_set.recordings])
    assert labels.dtype == np.int16
    assert np.array_equal(labels, GOOD["label"])


def with_one(key, index, value):
    array = np.array(GOOD[key])
    array[index] = value
    return {key: array}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"signal": SIGNAL[:, 0]},
            r"signal of type float64 and shape \(100,\), expected .*shape \(samples, channels\)",
        ),
        ({"signal": SIGNAL.astype(str)}, "signal of type <U"),
        ({"label": GOOD["label"][:-1]}, "99 samples in label but 100 in signal"),
        ({"channels": GOOD["channels"][:2]}, "2 channels in channels but 3"),
        ({"rate_hz": np.array([50.0])}, "expected one number"),
        ({"rate_hz": np.float64(1000)}, "1000 samples per second"),
        (with_one("label", 3, 2), "label 2 at sample 3, expected -1 to 1"),
        (with_one("label", 3, -2), "label -2 at sample 3"),
        (with_one("recording", 99, 3), "recording 3 at sample 99, expected 0 to 2"),
        (with_one("recording", 99, 0), "samples of other recordings in between"),
        (with_one("signal", (5, 1), np.nan), "nan at sample 5, column 1"),
        (with_one("signal", (5, 1), 1e300), "inf at sample 5"),
        ({"signal": SIGNAL / 9.8}, "look like g"),
        (
            {"label_names": np.array(["walk", None], dtype=object)},
            "label_names that cannot be read .*without Python obj",
        ),
        (
            {"signal": SIGNAL[:0], "label": GOOD["label"][:0], "recording": GOOD["recording"][:0]},
            "no samples",
        ),
    ],
)
def test_arrays_that_do_not_fit(path, change, message):
    np.savez(path, **(GOOD | change))
    with pytest.raises(DataError, match=message):
        load_npz(path)


def test_a_single_recording_is_no_data_set(path):
    np.savez(path, time_s=np.arange(3), samples=np.zeros((3, 1)), channels=np.array(["acc_x"]))
    with pytest.raises(
        DataError, match=r"lacks the arrays signal, .* it holds time_s, samples, channels"
    ):
        load_npz(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"plain text"])
def test_damaged_files(path, content):
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is not an .npz file or is damaged"):
        load_npz(path)


def test_a_bare_array_and_no_file(path):
    with pytest.raises(DataError, match="cannot be read"):
        load_npz(path)
    with path.open("wb") as file:
        np.save(file, SIGNAL)
    with pytest.raises(DataError, match="one bare array"):
        load_npz(path)
