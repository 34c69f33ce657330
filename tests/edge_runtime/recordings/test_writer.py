import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import OutputError
from edge_runtime.recordings import read_recording
from edge_runtime.recordings.writer import RecordingWriter


def values(n, start=0):
    return np.random.default_rng(start).normal(0, 5, (n, 6)).astype(np.float32)


def read_all(writer):
    recordings = [read_recording(path) for path in writer.paths]
    return np.concatenate([r.timestamps_s for r in recordings]), np.concatenate(
        [r.samples for r in recordings]
    )


def test_samples_are_readable_at_once_and_read_back_exactly(tmp_path):
    writer = RecordingWriter(tmp_path / "new" / "squat", "one", CHANNELS)
    times = 1.7e9 + np.arange(100) / 3
    samples = values(100)
    writer.write(times[:60], samples[:60])
    recording = read_recording(tmp_path / "new/squat/one.csv")  # while it is still open
    np.testing.assert_array_equal(recording.samples, samples[:60])
    writer.write(times[60:], samples[60:])
    writer.close()
    writer.close()
    read_times, read_samples = read_all(writer)
    np.testing.assert_array_equal(read_times, times)
    np.testing.assert_array_equal(read_samples, samples)
    assert (writer.samples, writer.dropped) == (100, 0)
    assert writer.duration_s == pytest.approx(33)


def test_an_existing_file_is_never_replaced(tmp_path):
    for i in range(3):
        writer = RecordingWriter(tmp_path, "one", ("acc_x",))
        writer.write(np.arange(2.0), np.full((2, 1), i, np.float32))
        writer.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one-2.csv", "one-3.csv", "one.csv"]
    assert read_recording(tmp_path / "one.csv").samples.tolist() == [[0], [0]]


def test_without_samples_no_file_is_made(tmp_path):
    writer = RecordingWriter(tmp_path, "one", ("acc_x",))
    writer.sync()
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_late_and_nan_samples_are_counted_and_a_restarted_clock_begins_a_file(tmp_path):
    writer = RecordingWriter(tmp_path, "one", ("acc_x",))
    times = np.array([10, 11, 10.5, 11, np.nan, 12, 3, 4, np.inf])
    samples = np.arange(9, dtype=np.float32)[:, None]
    samples[7] = np.nan
    writer.write(times, samples)
    writer.write(np.array([5.0]), np.ones((1, 1), np.float32))
    writer.close()
    assert [read_recording(path).timestamps_s.tolist() for path in writer.paths] == [
        [10, 11, 12],
        [3, 5],
    ]
    assert (writer.samples, writer.dropped, writer.duration_s) == (5, 5, 4)


def test_writing_stops_at_the_longest_duration(tmp_path):
    writer = RecordingWriter(tmp_path, "one", ("acc_x",), 2.0)
    for start in range(0, 400, 40):
        writer.write(7 + np.arange(start, start + 40) / 50, np.zeros((40, 1), np.float32))
    assert writer.full
    assert writer.samples == 100


@given(cut=st.integers(0, 400))
def test_a_file_cut_anywhere_loses_at_most_its_last_line(cut, tmp_path_factory):
    directory = tmp_path_factory.mktemp("cut")
    writer = RecordingWriter(directory, "one", CHANNELS)
    writer.write(np.arange(5) / 50, values(5))
    writer.close()
    whole = writer.paths[0].read_bytes()
    header = len(whole.splitlines(keepends=True)[0])
    kept = whole[: max(header, len(whole) - cut)]
    writer.paths[0].write_bytes(kept)
    lines = kept.count(b"\n") - 1
    if lines == 0:
        return  # a header alone is not a recording
    recording = read_recording(writer.paths[0])
    # A line whose last field, the sample number, is cut off still counts.
    assert len(recording.samples) in (lines, lines + 1)
    np.testing.assert_array_equal(recording.samples, values(5)[: len(recording.samples)])


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from edge_runtime.errors import OutputError
from edge_runtime.recordings.writer import RecordingWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
writer = RecordingWriter(Path(sys.argv[1]), "one", ("acc_x",))
try:
    for i in range(1000):
        writer.write(np.arange(7) / 50 + i, np.full((7, 1), i, np.float32))
except OutputError as error:
    print(writer.samples, writer.duration_s, error)
"""


def test_a_full_disk_keeps_whole_lines(tmp_path):
    """A limit on the file size stops a write half-way, as a full disk does."""
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=True
    )
    assert "one.csv cannot be written (File too large)" in result.stdout
    path = tmp_path / "one.csv"
    assert path.read_bytes().endswith(b"\n")
    recording = read_recording(path)
    samples, duration_s = result.stdout.split()[:2]
    assert int(samples) == len(recording.samples)
    assert float(duration_s) == recording.duration_s
    assert path.stat().st_size > 4900


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from edge_runtime.recordings.writer import RecordingWriter
writer = RecordingWriter(Path(sys.argv[1]), "one", ("acc_x",))
for i in range(1000):
    writer.write(np.array([i / 50]), np.full((1, 1), i, np.float32))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_program_loses_nothing(tmp_path):
    result = subprocess.run([sys.executable, "-c", KILLED, tmp_path])
    assert result.returncode == -signal.SIGKILL
    np.testing.assert_array_equal(
        read_recording(tmp_path / "one.csv").samples[:, 0], np.arange(1000)
    )


def test_the_file_is_flushed_to_the_disk_every_second(tmp_path, monkeypatch):
    now = [100.0]
    synced = []
    monkeypatch.setattr("edge_runtime.recordings.writer.time.monotonic", lambda: now[0])
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(now[0]))
    writer = RecordingWriter(tmp_path, "one", ("acc_x",))
    for i in range(29):
        writer.write(np.array([i / 10]), np.zeros((1, 1), np.float32))
        writer.sync()
        now[0] += 0.125
    writer.close()
    # the file and its directory, then every second, then at the end
    assert synced == [100.0, 100.0, 101.0, 102.0, 103.0, 103.625]


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file/squat cannot be written"):
        RecordingWriter(tmp_path / "file" / "squat", "one", ("acc_x",))
