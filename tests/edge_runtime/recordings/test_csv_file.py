import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import OutputError, SourceError
from edge_runtime.recordings import Recording, read_recording, write_csv


def write(tmp_path, text):
    path = tmp_path / "walk.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@settings(deadline=None)
@given(
    data=st.data(),
    channels=st.permutations(CHANNELS),
    n_channels=st.integers(1, 6),
    n=st.integers(1, 5),
)
def test_round_trip_is_exact(tmp_path_factory, data, channels, n_channels, n):
    channels = tuple(channels[:n_channels])
    times = data.draw(st_numpy.arrays(np.float64, n))
    samples = data.draw(st_numpy.arrays(np.float32, (n, n_channels)))
    path = tmp_path_factory.mktemp("round") / "trip.csv"
    write_csv(path, Recording("trip.csv", times, samples, channels))
    back = read_recording(path)
    assert back.channels == channels
    np.testing.assert_array_equal(back.timestamps_s, times)
    np.testing.assert_array_equal(back.samples, samples)
    assert back.samples.dtype == np.float32
    assert [entry.name for entry in path.parent.iterdir()] == ["trip.csv"]


@settings(deadline=None)
@given(
    garbage=st.one_of(
        st.binary(max_size=200),
        st.text('0123456789.,;"\t\r\n -+einfa_xtm\x00é', max_size=80).map(
            lambda body: ("time_s,acc_x\n" + body).encode()
        ),
        st.text('time_sacxyz,"\r\n1.0\ufeff', max_size=80).map(str.encode),
    ),
    rate_hz=st.sampled_from([None, 50.0]),
)
def test_garbage_gives_one_sentence_or_a_recording(tmp_path_factory, garbage, rate_hz):
    path = tmp_path_factory.mktemp("garbage") / "garbage.csv"
    path.write_bytes(garbage)
    try:
        assert isinstance(read_recording(path, rate_hz=rate_hz), Recording)
    except SourceError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "time_s,acc_x,acc_y\n0,1,2\n0.5,3,4\n",
        "\ufefftime_s,acc_x,acc_y\r\n0,1,2\r\n0.5,3,4",
        "acc_y,time_s,label,acc_x\n2,0,squat,1\n4,0.5,,3\n",
        'time_s,"acc_x", acc_y \n0,"1", 2\n\n0.5,3,4\n\n',
    ],
)
def test_columns_are_found_by_name(tmp_path, text):
    recording = read_recording(write(tmp_path, text)).select(("acc_x", "acc_y"))
    assert recording.timestamps_s.tolist() == [0, 0.5]
    assert recording.samples.tolist() == [[1, 2], [3, 4]]


def test_the_message_lists_other_columns_when_a_channel_is_missing(tmp_path):
    recording = read_recording(write(tmp_path, "time_s,acc_x,accel_y\n0,1,2\n"))
    with pytest.raises(
        SourceError, match="lacks the channels acc_y, its columns are acc_x, accel_y"
    ):
        recording.select(("acc_x", "acc_y"))


def test_the_rate_replaces_missing_times(tmp_path):
    recording = read_recording(write(tmp_path, "acc_x\n1\n2\n3\n"), rate_hz=50)
    assert recording.timestamps_s.tolist() == [0, 0.02, 0.04]
    assert recording.samples.tolist() == [[1], [2], [3]]


def test_nan_and_infinity_are_kept(tmp_path):
    recording = read_recording(write(tmp_path, "time_s,acc_x\n0,nan\n1,-inf\n2,1e99\n"))
    np.testing.assert_array_equal(recording.samples[:, 0], [np.nan, -np.inf, np.inf])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("time_s,acc_x\n", "header but no samples"),
        ("time_s,acc_x\n\n", "header but no samples"),
        ("time_s;acc_x\n0;1\n", "commas"),
        ("time_s,ax,ay\n0,1,2\n", "has the columns time_s, ax, ay, expected some of acc_x"),
        ("t,acc_x\n0,1\n", r"no time_s column, only t, acc_x.*rate_hz"),
        ("time_s,acc_x,acc_x\n0,1,2\n", "acc_x twice"),
        ("time_s,acc_x\n0,1\n1,one\n", "line 3 of walk.csv has 'one' in column acc_x"),
        ("time_s,acc_x\n0,1\n1,\n", "line 3 of walk.csv has '' in column acc_x"),
        ("time_s,acc_x\n0,1\n\n1,1_0\n", "line 4 of walk.csv has '1_0' in column acc_x"),
        ("time_s,acc_x\n0,1\n1\n", "line 3 of walk.csv has 1 fields, expected 2"),
        ("time_s,acc_x\n0,1,2\n", "line 2 of walk.csv has 3 fields, expected 2"),
        ("time_s,label,acc_x\n0,a,1\n0,b\n", "line 3 of walk.csv has 2 fields, expected 3"),
        (b"time_s,acc_x\n0,\xff\n", "not text in UTF-8"),
        ('"time_s\nacc_x",1\n', "expected a header of column names"),
    ],
)
def test_errors_name_the_line_and_column(tmp_path, text, message):
    with pytest.raises(SourceError, match=message):
        read_recording(write(tmp_path, text))


def test_a_rate_in_addition_to_times_is_refused(tmp_path):
    with pytest.raises(SourceError, match="rate_hz=50 was given: remove that option"):
        read_recording(write(tmp_path, "time_s,acc_x\n0,1\n"), rate_hz=50)


def test_a_path_that_cannot_be_written(tmp_path):
    recording = Recording("walk.csv", np.zeros(1), np.zeros((1, 1), np.float32), ("acc_x",))
    with pytest.raises(OutputError, match="cannot be written"):
        write_csv(tmp_path / "missing" / "walk.csv", recording)
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_csv(tmp_path / "taken.csv", recording)
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken.csv"]
