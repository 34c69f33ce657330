import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.recordings import Recording, read_recording, write_csv
from img2imu.cli import EXIT_INTERRUPTED, EXIT_USER_ERROR, main


@pytest.fixture
def played(tmp_path):
    """Write a recording of n samples at 50 Hz; gives the URI that plays it."""

    def make(n=500, speed="max", name="walk.csv", channels=CHANNELS):
        samples = np.random.default_rng(0).normal(0, 1, (n, len(channels))).astype(np.float32)
        write_csv(tmp_path / name, Recording(name, 5 + np.arange(n) / 50, samples, channels))
        return f"replay:{tmp_path / name}?speed={speed}", samples

    return make


def record(uri, directory, *arguments):
    return main(["record", "--source", uri, "--countdown", "0", str(directory), *arguments])


def only(directory):
    found = [path for path in directory.rglob("*") if path.is_file()]
    assert len(found) == 1
    return found[0]


def test_so_many_seconds_under_the_label(played, tmp_path, capsys):
    uri, samples = played()
    assert record(uri, tmp_path / "data", "--label", "one arm wave", "--seconds", "4") == 0
    path = only(tmp_path / "data")
    assert path.parent == tmp_path / "data" / "one arm wave"
    recording = read_recording(path)
    assert recording.channels == CHANNELS
    np.testing.assert_array_equal(recording.samples, samples[:200])
    assert f"{path}: 4.0 s, 200 samples, 50 Hz" in capsys.readouterr().err


def test_subject_and_fewer_channels(played, tmp_path):
    uri, samples = played(channels=CHANNELS[:3])
    assert (
        record(uri, tmp_path / "data", "--label", "wave", "--subject", "anna", "--channels", "acc")
        == 0
    )
    path = only(tmp_path / "data")
    assert path.parent == tmp_path / "data/anna/wave"
    np.testing.assert_array_equal(read_recording(path).samples, samples)


def test_axes_and_units_of_the_sensor_are_mapped(played, tmp_path):
    uri, samples = played()
    record(f"{uri}&units=g&mount=-y,x,z", tmp_path / "data", "--label", "wave")
    np.testing.assert_allclose(
        read_recording(only(tmp_path / "data")).samples[:, 0], -9.80665 * samples[:, 1], rtol=1e-5
    )


@pytest.mark.parametrize("label", ["", " ", "../up", ".hidden", "a/b", "tab\t", " wave"])
def test_labels_that_are_no_folder(played, tmp_path, capsys, label):
    assert record(played()[0], tmp_path / "data", "--label", label) == EXIT_USER_ERROR
    assert "cannot be the name of a folder" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "replay:missing.csv"], "there is no file missing.csv"),
        (["--source", "telepathy:me"], "no kind of source called 'telepathy'"),
    ],
)
def test_refusals(tmp_path, capsys, arguments, message):
    assert (
        main(["record", *arguments, "--label", "wave", str(tmp_path / "data")]) == EXIT_USER_ERROR
    )
    assert message in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--seconds", "0"),
        ("--seconds", "nan"),
        ("--countdown", "-1"),
        ("--rate-hz", "fast"),
        ("--channels", "mag"),
    ],
)
def test_options_that_make_no_sense(played, tmp_path, capsys, option, value):
    with pytest.raises(SystemExit) as leaving:
        record(played()[0], tmp_path, "--label", "wave", option, value)
    assert leaving.value.code == EXIT_USER_ERROR
    assert option in capsys.readouterr().err


def test_a_stream_that_ends_in_the_countdown(played, tmp_path, capsys):
    uri, _ = played()
    code = main(
        ["record", "--source", uri, "--label", "wave", "--countdown", "9", str(tmp_path / "data")]
    )
    assert code == EXIT_USER_ERROR
    assert "gave nothing to record" in capsys.readouterr().err
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []


def test_the_countdown_is_not_recorded(played, tmp_path):
    uri, _ = played(n=150, speed="1")
    started_s = time.monotonic()
    assert (
        main(
            [
                "record",
                "--source",
                uri,
                "--label",
                "wave",
                "--countdown",
                "0.8",
                str(tmp_path / "data"),
            ]
        )
        == 0
    )
    assert time.monotonic() - started_s > 2
    first_s = read_recording(only(tmp_path / "data")).timestamps_s[0]
    assert 5.7 < first_s < 7


def start(uri, directory, *arguments):
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "img2imu",
            "record",
            "--source",
            uri,
            "--label",
            "wave",
            "--countdown",
            "0",
            directory,
            *arguments,
        ],
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_samples(directory, n):
    for _ in range(400):
        found = list(directory.rglob("*.csv"))
        if found and found[0].read_bytes().count(b"\n") > n:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("nothing was recorded")


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--seconds", "60"], EXIT_INTERRUPTED)])
def test_ctrl_c_keeps_everything(played, tmp_path, arguments, code):
    uri, samples = played(n=3000, speed="1")
    process = start(uri, tmp_path / "data", *arguments)
    path = wait_for_samples(tmp_path / "data", 50)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == code
    recording = read_recording(path)
    assert f"{len(recording.samples)} samples" in said and "Traceback" not in said
    np.testing.assert_array_equal(recording.samples, samples[: len(recording.samples)])


def test_kill_9_keeps_everything_that_came(played, tmp_path):
    uri, samples = played(n=3000, speed="1")
    process = start(uri, tmp_path / "data")
    path = wait_for_samples(tmp_path / "data", 100)
    process.kill()
    process.communicate(timeout=20)
    recording = read_recording(path)
    assert len(recording.samples) >= 100
    np.testing.assert_array_equal(recording.samples, samples[: len(recording.samples)])


def test_a_full_disk_keeps_what_came(played, tmp_path):
    uri, samples = played()
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
        "from img2imu.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            limited,
            "record",
            "--source",
            uri,
            "--label",
            "wave",
            "--countdown",
            "0",
            tmp_path / "data",
        ],
        capture_output=True,
        text=True,
    )
    assert result.returncode == EXIT_USER_ERROR
    assert "cannot be written (File too large): choose another place" in result.stderr
    assert "Traceback" not in result.stderr
    recording = read_recording(only(tmp_path / "data"))
    np.testing.assert_array_equal(recording.samples, samples[: len(recording.samples)])
    assert len(recording.samples) > 50
    assert f"{len(recording.samples)} samples, 50 Hz" in result.stderr


def test_a_phone_over_http(tmp_path, port):
    """The whole way: what a phone pushes becomes a file, with its gravity."""
    import http.client
    import json

    def phone():
        for number in range(400):
            payload = [
                {
                    "name": "totalacceleration",
                    "time": 1_700_000_000_000_000_000 + 20_000_000 * i,
                    "values": {"x": i, "y": 0, "z": 9.81},
                }
                for i in range(10 * number, 10 * number + 10)
            ]
            body = json.dumps(
                {"messageId": number, "sessionId": "s", "deviceId": "d", "payload": payload}
            )
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("POST", "/", body)
                connection.getresponse().read()
            except OSError:
                if stop.is_set():
                    return
            finally:
                connection.close()
            time.sleep(0.02)

    stop = threading.Event()
    thread = threading.Thread(target=phone)
    thread.start()
    assert (
        record(
            f"http:127.0.0.1:{port}",
            tmp_path / "data",
            "--label",
            "wave",
            "--channels",
            "acc",
            "--seconds",
            "10",
        )
        == 0
    )
    stop.set()
    thread.join()
    recording = read_recording(only(tmp_path / "data"))
    assert len(recording.samples) == 500
    np.testing.assert_array_equal(np.diff(recording.samples[:, 0]), 1)
    np.testing.assert_allclose(np.diff(recording.timestamps_s), 0.02, atol=1e-6)
