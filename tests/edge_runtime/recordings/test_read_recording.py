import errno
from pathlib import Path

import pytest

from edge_runtime.errors import SourceError
from edge_runtime.recordings import read_recording


def test_the_ending_is_not_case_sensitive(tmp_path):
    path = tmp_path / "WALK.CSV"
    path.write_text("time_s,acc_x\n0,1\n")
    assert read_recording(str(path)).name == "WALK.CSV"


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(SourceError, match=r"there is no file .*walk\.csv"):
        read_recording(tmp_path / "walk.csv")
    with pytest.raises(SourceError, match="is a directory"):
        read_recording(tmp_path)
    with pytest.raises(SourceError, match="cannot be read"):
        read_recording(tmp_path / ("x" * 300 + ".csv"))


def test_a_file_without_read_permission(monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # chmod would not stop root
    with pytest.raises(SourceError, match=r"may not be read by this user: chmod \+r walk.csv"):
        read_recording("walk.csv")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("walk.txt", {}, r"ends in '.txt', expected one of .csv .*convert"),
        ("walk.csv", {"recording": 1}, "holds one recording"),
        ("walk.zip", {"rate_hz": 50.0}, "its own timestamps"),
        ("walk.csv", {"rate_hz": 0.0}, "rate_hz is 0"),
        ("walk.csv", {"rate_hz": float("nan")}, "rate_hz is nan"),
        ("walk.zip", {}, "not a zip file"),
        ("walk.npz", {}, "not an .npz file"),
    ],
)
def test_wrong_endings_and_options_are_refused(tmp_path, name, options, message):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(SourceError, match=message):
        read_recording(tmp_path / name, **options)
