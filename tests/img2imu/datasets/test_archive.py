import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError
from img2imu.datasets import archive as module
from img2imu.datasets.archive import Archive

from ..conftest import zip_bytes

FILES = {
    "Set/RawData/a_1.txt": "1 2\n3 4\n",
    "Set/RawData/a_2.txt": "5 6\n",
    "Set/readme.txt": "words",
}


@pytest.mark.parametrize("how", ["folder", "zip", "nested"])
def test_the_same_files_however_they_lie(published, how):
    with Archive(published(FILES, how), inner=r"data\.zip$") as files:
        assert files.names == tuple(FILES)
        assert {name: match[1] for name, match in files.match(r"RawData/a_(\d)\.txt").items()} == {
            "Set/RawData/a_1.txt": "1",
            "Set/RawData/a_2.txt": "2",
        }
        assert files.numbers("Set/RawData/a_1.txt").tolist() == [[1, 2], [3, 4]]
        assert files.numbers(files.one(r"a_2\.txt")).tolist() == [[5, 6]]


def test_one_row_of_a_structured_table_is_a_row(published):
    with Archive(published(FILES, "zip")) as files:
        rows = files.numbers("Set/RawData/a_2.txt", dtype=[("x", "f8"), ("y", "f8")])
    assert rows["y"].tolist() == [6]


def test_a_pattern_is_the_end_of_the_whole_path(published):
    with Archive(published({"x/abc.txt": "", "c.txt": ""}, "zip")) as files:
        assert list(files.match(r"c\.txt")) == ["c.txt"]
        with pytest.raises(
            DataError, match=r"holds no file like d\\.txt, it holds c.txt, x/abc.txt: this is not"
        ):
            files.match(r"d\.txt")


def test_names_that_lead_elsewhere_lead_nowhere(tmp_path):
    place = tmp_path / "in" / "evil.zip"
    place.parent.mkdir()
    names = ["../../evil.txt", "/tmp/evil.txt", "..\\evil.txt", "C:\\evil.txt"]
    place.write_bytes(zip_bytes(dict.fromkeys(names, "1 2")))
    with Archive(place) as files:
        for name in files.names:
            files.numbers(name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["evil.zip", "in"]


def test_a_bomb_is_refused_before_it_goes_off(tmp_path):
    place = tmp_path / "bomb.zip"
    place.write_bytes(zip_bytes({"a.txt": b"0" * (8 << 20), "data.zip": b"0" * (8 << 20)}))
    with (
        Archive(place) as files,
        pytest.raises(DataError, match=r"a.txt in .* would grow from \d+ KiB to 8 MiB"),
    ):
        files.open("a.txt")
    with pytest.raises(DataError, match="data.zip in .* would grow"):
        Archive(place, inner=r"data\.zip$")


def test_what_is_larger_than_any_table(published, monkeypatch):
    monkeypatch.setattr(module, "MAX_MEMBER_BYTES", 4)
    with (
        Archive(published(FILES, "zip")) as files,
        pytest.raises(DataError, match="not the archive as it was publ"),
    ):
        files.open("Set/readme.txt")


def test_a_member_that_declares_less_than_it_holds_gives_no_more(tmp_path):
    place = tmp_path / "liar.zip"
    content = np.random.default_rng(0).bytes(4 << 20)
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as writing:
        writing.writestr("a.bin", content)
        writing.getinfo("a.bin").file_size = 1000  # goes into the index that is written now
    with (
        Archive(place) as files,
        pytest.raises(DataError, match=r"a.bin in .* cannot be read"),
        files.open("a.bin") as member,
    ):
        member.read()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"<html>"])
def test_no_zip(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"a.zip cannot be read .*: it is damaged or not a zip"):
        Archive(tmp_path / "a.zip")


def test_nothing_there(tmp_path):
    with pytest.raises(
        DataError, match=r"there is no .*a.zip, expected a folder or a zip: check the path"
    ):
        Archive(tmp_path / "a.zip")


def test_no_table(published):
    with (
        Archive(published(FILES, "zip")) as files,
        pytest.raises(DataError, match="is not the table that was publi"),
    ):
        files.numbers("Set/readme.txt")


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit_is_a_sentence_or_harmless(tmp_path_factory, place, bit):
    content = bytearray(zip_bytes({"a.txt": "1 2 3\n" * 200}))
    content[int(place * len(content))] ^= 1 << bit
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    path.write_bytes(content)
    try:
        with Archive(path) as files:
            numbers = files.numbers(files.one(r"a\.txt"))
    except DataError:
        return
    assert numbers.tolist() == [[1, 2, 3]] * 200
