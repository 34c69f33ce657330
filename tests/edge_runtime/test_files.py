import os

import pytest

from edge_runtime.errors import OutputError
from edge_runtime.files import atomic_write, check_writable


def test_a_place_that_is_no_file_is_refused(tmp_path, is_sentence):
    os.mkfifo(tmp_path / "pipe")
    for place, words in (
        (tmp_path, "is a directory"),
        (tmp_path / "pipe", "device or a pipe"),
        ("/dev/null", "device or a pipe"),
        (tmp_path / "missing" / "a", "does not exist"),
    ):
        with pytest.raises(OutputError, match=words) as refusal:
            check_writable(place)
        assert is_sentence(str(refusal.value))


def test_new_and_existing_files_are_writable(tmp_path):
    (tmp_path / "old").write_text("old")
    check_writable(tmp_path / "old")
    check_writable(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_failed_writer_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="No space"), atomic_write(path) as file:
        file.write(b"half")
        raise OSError(28, "No space left on device")
    assert path.read_bytes() == b"old"
    with atomic_write(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
