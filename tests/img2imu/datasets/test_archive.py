"""Downloads are tested against a real HTTP server on this machine."""

import hashlib
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_runtime.errors import DataError, OutputError
from img2imu.datasets import archive
from img2imu.datasets.archive import Archive, fetch_zip

from ..conftest import CONTENT, zip_bytes

# ---- downloads

OTHER = zip_bytes({"other.bin": np.random.default_rng(1).bytes(700_000)})
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hapt.zip"


def files_next_to(path):
    return sorted(p.name for p in path.parent.iterdir())


@pytest.mark.parametrize("length", [True, False])
def test_a_file_and_its_checksum(site, path, length):
    site.length = length  # the length of an archive made on request is unknown
    download = fetch_zip(site.url, path, SHA256, "the registry's")
    assert path.read_bytes() == CONTENT
    assert (download.sha256, download.checked, download.was_there) == (
        SHA256,
        "the registry's",
        False,
    )
    assert files_next_to(path) == ["hapt.zip", "hapt.zip.sha256"]
    assert (path.parent / "hapt.zip.sha256").read_text() == f"{SHA256}  hapt.zip\n"


def test_an_interrupted_download_continues(site, path):
    site.break_at = 250_000
    with pytest.raises(
        DataError,
        match=r"ended after 0.2 MiB of 0.6 MiB, which are kept in .*hapt.zip.part: run the",
    ):
        fetch_zip(site.url, path, SHA256)
    assert (path.parent / "hapt.zip.part").read_bytes() == CONTENT[:250_000]
    assert not path.exists()
    site.break_at = 400_000
    with pytest.raises(DataError, match="ended after 0.4 MiB"):
        fetch_zip(site.url, path, SHA256)
    site.break_at = None
    fetch_zip(site.url, path, SHA256)
    assert path.read_bytes() == CONTENT
    assert [request.get("Range") for request in site.requests] == [
        None,
        "bytes=250000-",
        "bytes=400000-",
    ]
    assert files_next_to(path) == ["hapt.zip", "hapt.zip.sha256"]


def test_a_connection_that_ends_when_the_length_is_unknown(site, path):
    site.length, site.break_at = False, 250_000
    with pytest.raises(
        DataError, match=r"hapt.zip.part is a zip without its end: run the same command again"
    ):
        fetch_zip(site.url, path)
    site.break_at = None
    fetch_zip(site.url, path)
    assert path.read_bytes() == CONTENT
    assert site.requests[1]["Range"] == "bytes=250000-"


def test_a_server_that_stops_sending(site, path, monkeypatch):
    monkeypatch.setattr(archive, "TIMEOUT_S", 0.2)
    site.break_at = 250_000
    site.go_on.clear()
    with pytest.raises(DataError, match="ended after 0.2 MiB of 0.6 MiB"):
        fetch_zip(site.url, path)
    site.break_at = None
    monkeypatch.undo()
    fetch_zip(site.url, path, SHA256)
    assert path.read_bytes() == CONTENT


def test_two_versions_are_never_mixed(site, path):
    site.break_at = 250_000
    with pytest.raises(DataError, match="ended"):
        fetch_zip(site.url, path)
    site.break_at, site.content, site.etag = None, OTHER, '"2"'
    fetch_zip(site.url, path)
    assert path.read_bytes() == OTHER


def test_a_server_without_ranges_starts_again(site, path):
    site.break_at, site.ranges = 250_000, False
    with pytest.raises(DataError, match="ended"):
        fetch_zip(site.url, path)
    site.break_at = None
    fetch_zip(site.url, path)
    assert path.read_bytes() == CONTENT


def test_a_partial_file_that_is_already_complete(site, path):
    (path.parent / "hapt.zip.part").write_bytes(CONTENT)
    fetch_zip(site.url, path, SHA256)
    assert path.read_bytes() == CONTENT
    assert len(site.requests) == 1


def test_a_partial_file_longer_than_the_file_is_dropped(site, path):
    (path.parent / "hapt.zip.part").write_bytes(CONTENT + b"more")
    fetch_zip(site.url, path, SHA256)
    assert path.read_bytes() == CONTENT


def test_another_checksum(site, path):
    with pytest.raises(
        DataError,
        match=rf"hapt.zip.part has the sha256 {SHA256}, expected 0+ \(the registry's\): del",
    ):
        fetch_zip(site.url, path, "0" * 64, "the registry's")
    assert not path.exists()
    # The remedy in the message. Nothing is downloaded twice.
    fetch_zip(site.url, path, SHA256, "given by --sha256")
    assert path.read_bytes() == CONTENT


def test_trust_on_first_use(site, path):
    assert fetch_zip(site.url, path).checked is None
    again = fetch_zip(site.url, path)
    assert again.was_there and again.checked.startswith(
        "hapt.zip.sha256, written at the first download"
    )
    path.unlink()
    site.content, site.etag = OTHER, '"2"'
    with pytest.raises(
        DataError, match=rf"expected {SHA256} \(hapt.zip.sha256, written at the first"
    ):
        fetch_zip(site.url, path)
    assert not path.exists()


def test_a_file_that_was_there_is_checked(site, path):
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match=r"hapt.zip has the sha256 .*: delete it and get it again"):
        fetch_zip(site.url, path, SHA256)
    assert path.read_bytes() == CONTENT[:-1]  # the user's file is left alone
    assert site.requests == []


def test_a_page_instead_of_a_file(site, path):
    site.content = b"<html>moved</html>"
    with pytest.raises(
        DataError,
        match=r"the answer for hapt.zip is not a zip, it begins with b'<html>moved</html>'",
    ):
        fetch_zip(site.url, path)
    assert "hapt.zip" not in files_next_to(path) and "hapt.zip.part" not in files_next_to(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda url: url.replace("data.zip", "none.zip"),
            "none.zip answers 404 Not Found, expected the file",
        ),
        (
            lambda url: "http://127.0.0.1:9/data.zip",
            r"cannot be reached \(.*Connection refused\): check the connection",
        ),
        (lambda url: "file:///etc/passwd", "begins neither with http:// nor with https://"),
        (lambda url: "http://", "cannot be reached"),
    ],
)
def test_no_such_address(site, path, change, message):
    with pytest.raises(DataError, match=message):
        fetch_zip(change(site.url), path)
    assert files_next_to(path) == []


def test_a_full_disk_is_reported_before_the_download(site, path, monkeypatch):
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _place: SimpleNamespace(free=100_000))
    with pytest.raises(
        OutputError, match=r"has 0.1 MiB free, the file needs 0.6 MiB more: free some space"
    ):
        fetch_zip(site.url, path)


def test_a_full_disk_is_reported_during_the_download(site, path):
    (path.parent / "hapt.zip.part").symlink_to("/dev/full")
    with pytest.raises(
        OutputError,
        match=r"hapt.zip cannot be written \(No space left on device\): free some space",
    ):
        fetch_zip(site.url, path)


def test_a_directory_that_does_not_exist(site, path):
    with pytest.raises(OutputError, match="cannot be written"):
        fetch_zip(site.url, path.parent / "none" / "hapt.zip")


# ---- archives

FILES = {
    "Set/RawData/a_1.txt": "1 2\n3 4\n",
    "Set/RawData/a_2.txt": "5 6\n",
    "Set/readme.txt": "words",
}


@pytest.mark.parametrize("how", ["folder", "zip", "nested"])
def test_the_same_files_in_a_folder_a_zip_and_a_nested_zip(published, how):
    with Archive(published(FILES, how), inner=r"data\.zip$") as files:
        assert files.names == tuple(FILES)
        assert {
            name: match[1] for name, match in files.find_all(r"RawData/a_(\d)\.txt").items()
        } == {
            "Set/RawData/a_1.txt": "1",
            "Set/RawData/a_2.txt": "2",
        }
        assert files.read_table("Set/RawData/a_1.txt").tolist() == [[1, 2], [3, 4]]
        assert files.read_table(files.find(r"a_2\.txt")).tolist() == [[5, 6]]


def test_one_row_of_a_structured_table(published):
    with Archive(published(FILES, "zip")) as files:
        rows = files.read_table("Set/RawData/a_2.txt", dtype=[("x", "f8"), ("y", "f8")])
    assert rows["y"].tolist() == [6]


def test_a_pattern_matches_the_end_of_the_path(published):
    with Archive(published({"x/abc.txt": "", "c.txt": ""}, "zip")) as files:
        assert list(files.find_all(r"c\.txt")) == ["c.txt"]
        with pytest.raises(
            DataError, match=r"holds no file like d\\.txt, it holds c.txt, x/abc.txt: this is not"
        ):
            files.find_all(r"d\.txt")


def test_names_that_point_outside_are_not_written(tmp_path):
    place = tmp_path / "in" / "evil.zip"
    place.parent.mkdir()
    names = ["../../evil.txt", "/tmp/evil.txt", "..\\evil.txt", "C:\\evil.txt"]
    place.write_bytes(zip_bytes(dict.fromkeys(names, "1 2")))
    with Archive(place) as files:
        for name in files.names:
            files.read_table(name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["evil.zip", "in"]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    place = tmp_path / "bomb.zip"
    place.write_bytes(zip_bytes({"a.txt": b"0" * (8 << 20), "data.zip": b"0" * (8 << 20)}))
    with (
        Archive(place) as files,
        pytest.raises(DataError, match=r"a.txt in .* would grow from \d+ KiB to 8 MiB"),
    ):
        files.open("a.txt")
    with pytest.raises(DataError, match="data.zip in .* would grow"):
        Archive(place, inner=r"data\.zip$")


def test_a_member_larger_than_any_table_is_refused(published, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 4)
    with (
        Archive(published(FILES, "zip")) as files,
        pytest.raises(DataError, match="not the archive as it was publ"),
    ):
        files.open("Set/readme.txt")


def test_a_member_is_not_read_beyond_its_declared_size(tmp_path):
    place = tmp_path / "liar.zip"
    content = np.random.default_rng(0).bytes(4 << 20)
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as writing:
        writing.writestr("a.bin", content)
        writing.getinfo("a.bin").file_size = 1000  # written to the index
    with (
        Archive(place) as files,
        pytest.raises(DataError, match=r"a.bin in .* cannot be read"),
        files.open("a.bin") as member,
    ):
        member.read()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"<html>"])
def test_not_a_zip(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"a.zip cannot be read .*: it is damaged or not a zip"):
        Archive(tmp_path / "a.zip")


def test_a_missing_archive(tmp_path):
    with pytest.raises(
        DataError, match=r"there is no .*a.zip, expected a folder or a zip: check the path"
    ):
        Archive(tmp_path / "a.zip")


def test_not_a_table(published):
    with (
        Archive(published(FILES, "zip")) as files,
        pytest.raises(DataError, match="is not the table that was publi"),
    ):
        files.read_table("Set/readme.txt")


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(place=0.46875, bit=6)  # a version of the zip format that Python does not know
def test_a_flipped_bit_is_reported_or_harmless(tmp_path_factory, place, bit):
    content = bytearray(zip_bytes({"a.txt": "1 2 3\n" * 200}))
    content[int(place * len(content))] ^= 1 << bit
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    path.write_bytes(content)
    try:
        with Archive(path) as files:
            numbers = files.read_table(files.find(r"a\.txt"))
    except DataError:
        return
    assert numbers.tolist() == [[1, 2, 3]] * 200
