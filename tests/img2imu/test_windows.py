import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError
from img2imu.datasets import DataSet, LabelledRecording
from img2imu.windows import cut_windows


def data_set(*label_lists, rate_hz=20.0):
    """Make one channel that counts the samples, so that a window shows where it was cut."""
    recordings, count = [], 0
    for number, labels in enumerate(label_lists):
        samples = np.arange(count, count + len(labels), dtype=np.float32)[:, None]
        recordings.append(
            LabelledRecording(f"r{number}", f"p{number % 2}", samples, np.array(labels, np.int16))
        )
        count += len(labels)
    return DataSet("counts", "", "", rate_hz, ("acc_z",), ("a", "b", "c"), tuple(recordings))


def test_windows_follow_each_other_in_a_stretch():
    windows = cut_windows(
        data_set([0] * 50 + [-1] * 30 + [2] * 20, [1] * 19, [1] * 40), window_s=1.0
    )
    assert windows.samples.shape == (5, 20, 1)
    assert windows.samples.dtype == np.float32
    assert windows.samples[:, 0, 0].tolist() == [0, 20, 80, 119, 139]
    assert windows.class_names.tolist() == ["a", "a", "c", "b", "b"]
    assert windows.recordings.tolist() == [0, 0, 0, 2, 2]
    assert windows.starts.tolist() == [0, 20, 80, 0, 20]
    assert windows.subjects.tolist() == ["p0"] * 5
    assert (windows.labels.dtype, windows.starts.dtype) == (np.int64, np.int64)
    assert (windows.rate_hz, windows.channels, windows.label_names) == (
        20.0,
        ("acc_z",),
        ("a", "b", "c"),
    )


def test_overlap():
    assert cut_windows(data_set([0] * 50), 1.0, step_s=0.5).starts.tolist() == [0, 10, 20, 30]


def test_select_by_index_and_by_mask():
    windows = cut_windows(data_set([0] * 40, [1] * 40), 1.0)
    assert windows.select(np.array([3, 0])).samples[:, 0, 0].tolist() == [60, 0]
    chosen = windows.select(windows.labels == 1)
    assert (len(chosen), chosen.subjects.tolist(), chosen.starts.tolist()) == (
        2,
        ["p1", "p1"],
        [0, 20],
    )


@given(
    label_lists=st.lists(
        st.lists(st.tuples(st.integers(-1, 2), st.integers(1, 60)), min_size=1, max_size=6),
        min_size=1,
        max_size=4,
    ),
    size=st.integers(16, 40),
    step=st.integers(1, 40),
)
def test_no_window_crosses_a_boundary_and_none_is_missed(label_lists, size, step):
    expanded = [[label for label, n in runs for _ in range(n)] for runs in label_lists]
    source = data_set(*expanded)
    possible = []  # computed sample by sample
    for number, labels in enumerate(expanded):
        begin = 0
        for i in range(len(labels)):
            if i and labels[i] != labels[i - 1]:
                begin = i
            start = i - size + 1
            if labels[i] != -1 and start >= begin and (start - begin) % step == 0:
                possible.append((number, start))
    if not possible:
        with pytest.raises(DataError):
            cut_windows(source, size / 20, step / 20)
        return
    windows = cut_windows(source, size / 20, step / 20)
    assert list(zip(windows.recordings, windows.starts, strict=True)) == possible
    for i, (number, start) in enumerate(possible):
        recording = source.recordings[number]
        assert np.array_equal(windows.samples[i], recording.samples[start : start + size])
        assert set(recording.labels[start : start + size]) == {windows.labels[i]}
        assert windows.subjects[i] == recording.subject


@pytest.mark.parametrize(
    ("window_s", "step_s", "message"),
    [
        (
            0.5,
            None,
            "a window of 0.5 s is 10 samples at 20 Hz, expected 16 or more: take 0.8 s or longer",
        ),
        (0.0, None, "a window of 0 s is 0 samples"),
        (-1.0, None, "a window of -1 s"),
        (float("nan"), None, "a window of nan s"),
        (float("inf"), None, "a window of inf s"),
        (1.0, 0.01, "a step of 0.01 s is 0 samples .* take 0.05 s or longer"),
        (
            3.0,
            None,
            "no window of 3 s fits into counts, whose 2 recordings are 2 to 4.5 s long and whose "
            "longest stretch of one label is 2.5 s: take a shorter window, or record longer",
        ),
    ],
)
def test_refusals(window_s, step_s, message):
    with pytest.raises(DataError, match=message):
        cut_windows(data_set([0] * 50 + [1] * 40, [0] * 40), window_s, step_s)


def test_no_label_at_all():
    with pytest.raises(DataError, match="no sample of counts has a label"):
        cut_windows(data_set([-1] * 50), 1.0)
