import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import SourceError
from edge_runtime.recordings import Recording, read_recording

SAMPLES = np.arange(8, dtype=np.float32).reshape(4, 2)
CHANNELS = np.array(["acc_x", "acc_y"])
ONE = {"time_s": np.arange(4) / 25, "samples": SAMPLES, "channels": CHANNELS}
DATA_SET = {
    "signal": SAMPLES,
    "recording": np.array([0, 0, 0, 2], np.int16),
    "channels": CHANNELS,
    "rate_hz": 50.0,
    "label_names": np.array(["walk"]),
}


def save(tmp_path, arrays):
    path = tmp_path / "walk.npz"
    np.savez(path, **arrays)
    return path


def test_one_recording(tmp_path):
    recording = read_recording(save(tmp_path, ONE))
    assert recording.timestamps_s.tolist() == [0, 0.04, 0.08, 0.12]
    assert recording.samples.tolist() == SAMPLES.tolist()
    assert recording.channels == ("acc_x", "acc_y")


def test_one_recording_without_times(tmp_path):
    path = save(tmp_path, {"samples": SAMPLES.astype(int), "channels": CHANNELS})
    recording = read_recording(path, rate_hz=50)
    assert recording.timestamps_s.tolist() == [0, 0.02, 0.04, 0.06]
    assert recording.samples.dtype == np.float32
    with pytest.raises(SourceError, match=r"no array time_s.*rate_hz"):
        read_recording(path)


def test_a_recording_of_a_data_set(tmp_path):
    path = save(tmp_path, DATA_SET)
    recording = read_recording(path, recording=0)
    assert recording.timestamps_s.tolist() == [0, 0.02, 0.04]
    assert recording.samples.tolist() == SAMPLES[:3].tolist()
    for number, message in (
        (None, "2 recordings, numbered 0 to 2, but none"),
        (1, "recording=1 was requested"),
    ):
        with pytest.raises(SourceError, match=message):
            read_recording(path, recording=number)


def test_the_only_recording_of_a_data_set_needs_no_number(tmp_path):
    path = save(tmp_path, DATA_SET | {"recording": np.full(4, 7)})
    assert len(read_recording(path).samples) == 4


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "holds the arrays none"),
        ({"x": SAMPLES}, "holds the arrays x, expected time_s"),
        (ONE | {"samples": SAMPLES[:, 0]}, r"samples of type float32 and shape \(4,\)"),
        (ONE | {"samples": SAMPLES[:3]}, "shape"),
        (ONE | {"samples": SAMPLES.astype(complex)}, "complex128"),
        (ONE | {"samples": SAMPLES.astype(object)}, "samples that cannot be read"),
        (ONE | {"channels": np.array([1, 2])}, "expected channel names"),
        (ONE | {"channels": CHANNELS[:1]}, "1 channel names"),
        (DATA_SET | {"rate_hz": 0}, "rate above 0"),
        (DATA_SET | {"rate_hz": [1, 2]}, "expected one number"),
        (DATA_SET | {"recording": np.zeros(3, int)}, "3 recording numbers"),
        (DATA_SET | {"recording": np.zeros(4)}, "expected integers"),
        (
            {k: v[:0] for k, v in DATA_SET.items() if k not in ("channels", "rate_hz")}
            | {"channels": CHANNELS, "rate_hz": 5},
            "holds 0 recordings, but none",
        ),
    ],
)
def test_malformed_arrays_are_refused(tmp_path, arrays, message):
    with pytest.raises(SourceError, match=message):
        read_recording(save(tmp_path, arrays))


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        (ONE, {"rate_hz": 50.0}, "remove that option"),
        (DATA_SET, {"rate_hz": 50.0, "recording": 0}, "remove that option"),
        (ONE, {"recording": 0}, "holds one recording"),
    ],
)
def test_options_without_effect_are_refused(tmp_path, arrays, options, message):
    with pytest.raises(SourceError, match=message):
        read_recording(save(tmp_path, arrays), **options)


def test_a_single_array_is_refused(tmp_path):
    path = tmp_path / "bare.npz"
    with path.open("wb") as file:
        np.save(file, SAMPLES)
    with pytest.raises(SourceError, match="single array"):
        read_recording(path)


def bytes_of(arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


@settings(deadline=None)
@given(
    valid=st.sampled_from([bytes_of(ONE), bytes_of(DATA_SET)]),
    damage=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=4),
    end=st.integers(0, 1 << 16),
)
def test_a_damaged_file_gives_one_sentence_or_a_recording(tmp_path_factory, valid, damage, end):
    garbage = bytearray(valid)
    for position, byte in damage:
        garbage[position % len(garbage)] = byte
    path = tmp_path_factory.mktemp("damaged") / "damaged.npz"
    path.write_bytes(garbage[: end % (len(garbage) + 1)] if end % 3 else garbage)
    try:
        assert isinstance(read_recording(path, recording=None), Recording)
    except SourceError as error:
        assert "\n" not in str(error)
