"""Against a real HTTP server on this machine."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest

from edge_runtime.errors import DataError, OutputError
from img2imu.datasets import download
from img2imu.datasets.download import fetch_zip

from ..conftest import CONTENT, zip_bytes

OTHER = zip_bytes({"other.bin": np.random.default_rng(1).bytes(700_000)})
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hapt.zip"


def names(path):
    return sorted(p.name for p in path.parent.iterdir())


@pytest.mark.parametrize("length", [True, False])
def test_a_file_and_its_checksum(site, path, length):
    site.length = length  # an archive made on the fly is of a length that nobody knows beforehand
    fetched = fetch_zip(site.url, path, SHA256, "the registry's")
    assert path.read_bytes() == CONTENT
    assert (fetched.sha256, fetched.checked, fetched.was_there) == (SHA256, "the registry's", False)
    assert names(path) == ["hapt.zip", "hapt.zip.sha256"]
    assert (path.parent / "hapt.zip.sha256").read_text() == f"{SHA256}  hapt.zip\n"


def test_what_was_interrupted_half_way_goes_on_there(site, path):
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
    assert names(path) == ["hapt.zip", "hapt.zip.sha256"]


def test_a_connection_that_ends_when_nobody_knew_how_much_would_come(site, path):
    site.length, site.break_at = False, 250_000
    with pytest.raises(
        DataError, match=r"hapt.zip.part is a zip without its end: run the same command again"
    ):
        fetch_zip(site.url, path)
    site.break_at = None
    fetch_zip(site.url, path)
    assert path.read_bytes() == CONTENT
    assert site.requests[1]["Range"] == "bytes=250000-"


def test_a_server_that_goes_silent(site, path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    site.break_at = 250_000
    site.go_on.clear()
    with pytest.raises(DataError, match="ended after 0.2 MiB of 0.6 MiB"):
        fetch_zip(site.url, path)
    site.break_at = None
    monkeypatch.undo()
    fetch_zip(site.url, path, SHA256)
    assert path.read_bytes() == CONTENT


def test_two_versions_are_never_joined(site, path):
    site.break_at = 250_000
    with pytest.raises(DataError, match="ended"):
        fetch_zip(site.url, path)
    site.break_at, site.content, site.etag = None, OTHER, '"2"'
    fetch_zip(site.url, path)
    assert path.read_bytes() == OTHER


def test_a_server_without_ranges_begins_anew(site, path):
    site.break_at, site.ranges = 250_000, False
    with pytest.raises(DataError, match="ended"):
        fetch_zip(site.url, path)
    site.break_at = None
    fetch_zip(site.url, path)
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_already_the_whole(site, path):
    (path.parent / "hapt.zip.part").write_bytes(CONTENT)
    fetch_zip(site.url, path, SHA256)
    assert path.read_bytes() == CONTENT
    assert len(site.requests) == 1


def test_a_part_longer_than_the_file_is_dropped(site, path):
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
    fetch_zip(
        site.url, path, SHA256, "given by --sha256"
    )  # the remedy that it names; nothing is fetched twice
    assert path.read_bytes() == CONTENT


def test_trust_on_first_use(site, path):
    assert fetch_zip(site.url, path).checked is None
    again = fetch_zip(site.url, path)
    assert again.was_there and again.checked.startswith(
        "hapt.zip.sha256, written when it was fetched first"
    )
    path.unlink()
    site.content, site.etag = OTHER, '"2"'
    with pytest.raises(DataError, match=rf"expected {SHA256} \(hapt.zip.sha256, written when"):
        fetch_zip(site.url, path)
    assert not path.exists()


def test_a_file_that_was_there_is_checked(site, path):
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match=r"hapt.zip has the sha256 .*: delete it and get it again"):
        fetch_zip(site.url, path, SHA256)
    assert path.read_bytes() == CONTENT[:-1]  # the user's, to do with as they please
    assert site.requests == []


def test_a_page_instead_of_a_file(site, path):
    site.content = b"<html>moved</html>"
    with pytest.raises(
        DataError, match=r"what came for hapt.zip is no zip, it begins with b'<html>moved</html>'"
    ):
        fetch_zip(site.url, path)
    assert "hapt.zip" not in names(path) and "hapt.zip.part" not in names(path)


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
def test_no_such_place(site, path, change, message):
    with pytest.raises(DataError, match=message):
        fetch_zip(change(site.url), path)
    assert names(path) == []


def test_a_full_disk_is_said_before(site, path, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _place: SimpleNamespace(free=100_000))
    with pytest.raises(
        OutputError, match=r"has 0.1 MiB free, the file needs 0.6 MiB more: free some space"
    ):
        fetch_zip(site.url, path)


def test_a_full_disk_is_said_when_it_happens(site, path):
    (path.parent / "hapt.zip.part").symlink_to("/dev/full")
    with pytest.raises(
        OutputError,
        match=r"hapt.zip cannot be written \(No space left on device\): free some space",
    ):
        fetch_zip(site.url, path)


def test_a_directory_that_is_not_there(site, path):
    with pytest.raises(OutputError, match="cannot be written"):
        fetch_zip(site.url, path.parent / "none" / "hapt.zip")
