import hashlib
import io
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.recordings import Recording, write_csv
from img2imu.cli import EXIT_INTERRUPTED, EXIT_USER_ERROR, main
from img2imu.datasets.registry import REGISTRY


def data(*arguments):
    return main(["data", *map(str, arguments)])


@pytest.fixture
def small_hapt(site, monkeypatch):
    """Give the registry the checksum of the file on the server."""

    def with_checksum(sha256):
        original = replace(REGISTRY["hapt"].original, sha256=sha256)
        monkeypatch.setitem(REGISTRY, "hapt", replace(REGISTRY["hapt"], original=original))

    with_checksum(hashlib.sha256(site.content).hexdigest())
    return with_checksum


@pytest.fixture
def people(tmp_path):
    """Record two people who wave and rest, with a jittery clock and a pause."""
    random, rest = np.random.default_rng(0), np.array([0, 0, 9.8, 0, 0, 0])
    for person in ("ada", "bo"):
        for label, hz in (("wave", 2.0), ("rest", 0.0)):
            times_s = np.cumsum(random.normal(0.02, 0.001, 600))
            times_s[300:] += 2.0
            samples = np.sin(2 * np.pi * hz * times_s[:, None] + np.arange(6)) + random.normal(
                0, 0.1, (600, 6)
            )
            path = tmp_path / "people" / person / label / "1.csv"
            path.parent.mkdir(parents=True)
            write_csv(
                path, Recording("1.csv", times_s, (samples + rest).astype(np.float32), CHANNELS)
            )
    return tmp_path / "people"


def test_the_list_names_every_data_set_and_its_place(tmp_path, capsys):
    (tmp_path / "hapt.zip").write_bytes(b"")
    assert data("list", "--dir", tmp_path) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert set(REGISTRY) <= set(lines)
    assert (
        f" {tmp_path}/hapt.zip " in lines["hapt"]
        and "CC BY 4.0" in lines["hapt"]
        and "30 people" in lines["hapt"]
    )
    assert (
        " no " in lines["har"]
        and "with seglearn" in lines["watch"]
        and "not stated" in lines["swim"]
    )


def test_terms_are_shown_first_and_must_be_accepted(
    site, small_hapt, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert data("get", "hapt", "--dir", tmp_path / "d", "--url", site.url) == EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert "licence: CC BY 4.0" in printed.out and "please cite: J.-L. Reyes-Ortiz" in printed.out
    assert printed.err.startswith(
        "img2imu: the terms of hapt were not accepted, so nothing was downloaded: answer y"
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert data("get", "hapt", "--dir", tmp_path / "d", "--url", site.url) == EXIT_USER_ERROR
    assert site.requests == [] and not (tmp_path / "d").exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert data("get", "hapt", "--dir", tmp_path / "d", "--url", site.url) == 0
    assert (tmp_path / "d" / "hapt.zip").read_bytes() == site.content


def test_getting_a_data_set_with_a_known_checksum_twice(site, small_hapt, tmp_path, capsys):
    for verb in ("downloaded", "was there already"):
        assert data("get", "hapt", "--dir", tmp_path, "--accept-licence", "--url", site.url) == 0
        printed = capsys.readouterr().out
        assert f"{verb}: {tmp_path}/hapt.zip (0.6 MiB), sha256 " in printed
        assert "checksum: as expected (the registry's)" in printed
        assert f"img2imu data inspect hapt:{tmp_path}/hapt.zip -o hapt.png" in printed
    assert len(site.requests) == 1


def test_a_file_without_a_known_checksum(site, small_hapt, tmp_path, capsys):
    small_hapt(None)
    get = ["get", "hapt", "--dir", tmp_path, "--accept-licence", "--url", site.url]
    assert data(*get) == 0
    printed = capsys.readouterr().out
    assert (
        "no published checksum is known; this one is written to hapt.zip.sha256, and a later get is"
        in printed
    )
    assert hashlib.sha256(site.content).hexdigest() in printed
    with (tmp_path / "hapt.zip").open("r+b") as file:
        file.write(b"XX")
    assert data(*get) == EXIT_USER_ERROR
    assert "hapt.zip.sha256, written at the first download" in capsys.readouterr().err


def test_a_checksum_given_by_hand(site, small_hapt, tmp_path, capsys):
    small_hapt("0" * 64)
    get = ["get", "hapt", "--dir", tmp_path, "--accept-licence", "--url", site.url]
    assert data(*get) == EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    digest = error.partition("--sha256 ")[2].split()[0]
    assert data(*get, "--sha256", digest) == 0
    assert "as expected (given by --sha256)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["get", "hapt2"], "there is no data set 'hapt2' to get, expected one of watch, hapt"),
        (["get", "hapt", "--accept-licence", "--dir", "taken"], "taken cannot be made a directory"),
        (
            ["get", "hapt", "--accept-licence", "--url", "ftp://x"],
            "begins neither with http:// nor",
        ),
        (["inspect", "nowhere"], "there is no data set 'nowhere'"),
        (["inspect", "har"], "har is not on this machine"),
        (
            ["inspect", "people", "-o", "a.jpg"],
            "a.jpg ends in '.jpg', expected .png: write -o a.png",
        ),
        (["inspect", "people", "-o", "none/a.png"], "the directory none does not exist"),
        (["inspect", "people", "--window-s", "99"], "no window of 99 s fits"),
        (
            ["inspect", "watch", "--rate-hz", "25"],
            "which is for recordings of your own: leave it out",
        ),
    ],
)
def test_refusals_are_one_sentence(people, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("a file")
    assert data(*arguments) == EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_an_invalid_checksum(capsys):
    with pytest.raises(SystemExit):
        data("get", "hapt", "--sha256", "abc")
    assert "is 'abc', expected 64 hexadecimal digits" in capsys.readouterr().err


def test_a_data_set_of_a_package_is_not_downloaded(tmp_path, capsys):
    assert data("get", "watch", "--dir", tmp_path / "d") == 0
    assert 'pip install "img2imu[demo]" brings: it is installed' in capsys.readouterr().out
    assert not (tmp_path / "d").exists()


def test_a_folder_as_text_and_as_a_picture(people, tmp_path, capsys):
    assert data("inspect", people, "-o", tmp_path / "a.png") == 0
    printed = capsys.readouterr().out
    assert "8 recordings of 2 people" in printed  # cut at the pauses
    assert "gaps     4 gaps, the longest 2.0 s" in printed
    assert "units    looks like m/s^2 with gravity" in printed
    assert "rest            4       2" in printed
    assert printed.endswith(f"wrote {tmp_path / 'a.png'}\n")
    assert imread(tmp_path / "a.png").shape[0] > 300


def test_the_watch_data_in_windows_of_2_s(capsys):
    assert data("inspect", "watch", "--window-s", "2") == 0
    assert "windows of 2 s" in capsys.readouterr().out


def test_a_table_with_labels(tmp_path, capsys):
    rows = "".join(f"{i / 50},{i % 7},{'walk' if i < 200 else 'run'}\n" for i in range(400))
    (tmp_path / "mine.csv").write_text("time_s,gyro_x,label\n" + rows)
    assert data("inspect", tmp_path / "mine.csv") == 0
    assert "rate     50.00 Hz measured" in capsys.readouterr().out


def test_ctrl_c_keeps_the_partial_download(site, tmp_path):
    site.break_at = 300_000
    site.go_on.clear()  # the server stops sending there
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from img2imu.cli import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            code,
            "data",
            "get",
            "driver",
            "--accept-licence",
            "--dir",
            str(tmp_path),
            "--url",
            site.url,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    part = tmp_path / "driver.zip.part"
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == EXIT_INTERRUPTED
    assert error == (
        f"the partial download is kept in {part}; run the same command again to continue\n"
        "interrupted\n"
    )
    assert site.content.startswith(part.read_bytes()) and 0 < part.stat().st_size <= 300_000
    site.break_at = None
    site.go_on.set()
    assert data("get", "driver", "--accept-licence", "--dir", tmp_path, "--url", site.url) == 0
    assert (tmp_path / "driver.zip").read_bytes() == site.content
    assert site.requests[-1]["Range"].startswith("bytes=")
