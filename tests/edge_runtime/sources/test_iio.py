import os
import struct
import threading
import time

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source
from edge_runtime.sources.iio import IioSource

ACC_SCALE, GYRO_SCALE = 0.000598, 0.000153  # of the LSM6DSO's driver, rounded
RATES = "12.500 26.000 52.000 104.000 208.000 416.000"


class Kernel:
    """The directory tree of a driver, written by hand, with a FIFO for its character device."""

    def __init__(self, root):
        self.root = root
        self.devices = root / "sys/bus/iio/devices"
        (root / "dev").mkdir()
        self.devices.mkdir(parents=True)
        self.ends = {}

    def write(self, directory, **files):
        for name, text in files.items():
            path = directory / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")

    def add(self, number, name, kinds, buffered=True, **files):
        path = self.devices / f"iio:device{number}"
        path.mkdir()
        self.write(
            path,
            name=name,
            sampling_frequency="12.500",
            sampling_frequency_available=RATES,
            **files,
        )
        index = 0
        for kind, scale in kinds.items():
            self.write(path, **{f"in_{kind}_scale": scale})
            for axis in "xyz":
                self.write(path, **{f"in_{kind}_{axis}_raw": 100 * index})
                if buffered:
                    self.element(path, f"in_{kind}_{axis}", index, "le:s16/16>>0")
                index += 1
        if buffered:
            self.element(path, "in_timestamp", index, "le:s64/64>>0")
            self.element(path, "in_temp", index + 1, "le:s16/16>>0", enabled=1)
            self.write(path, buffer__enable=0, buffer__length=0, current_timestamp_clock="realtime")
            self.plug_in(number)
        return path

    def element(self, path, name, index, kind, enabled=0):
        self.write(
            path / "scan_elements",
            **{f"{name}_en": enabled, f"{name}_index": index, f"{name}_type": kind},
        )

    def plug_in(self, number):
        node = self.root / "dev" / f"iio:device{number}"
        node.unlink(missing_ok=True)
        os.mkfifo(node)
        # O_RDWR makes a writer that does not wait for a reader.
        self.ends[number] = os.open(node, os.O_RDWR)

    def unplug(self, number):
        os.close(self.ends.pop(number))

    def record(self, number, values, time_s):
        kinds = f"<{len(values)}h"
        data = struct.pack(kinds, *values)
        os.write(
            self.ends[number],
            data + b"\xee" * (-len(data) % 8) + struct.pack("<q", round(time_s * 1e9)),
        )


@pytest.fixture
def kernel(tmp_path):
    kernel = Kernel(tmp_path)
    yield kernel
    for number in list(kernel.ends):
        kernel.unplug(number)


def source(kernel, channels=CHANNELS, name="", **options):
    return IioSource(name, channels, root=kernel.root, **options)


def text(path):
    return path.read_text().strip()


def test_two_devices_of_one_chip(kernel, heard, receive):
    acc = kernel.add(0, "lsm6dso_accel", {"accel": ACC_SCALE}, in_accel_x_offset=10)
    gyro = kernel.add(
        1,
        "lsm6dso_gyro",
        {"anglvel": GYRO_SCALE},
        in_anglvel_mount_matrix="0, -1, 0; 1, 0, 0; 0, 0, 1",
    )
    live = heard(source(kernel, name="lsm6dso", rate_hz=100.0))

    def motion():
        for i in range(100):
            kernel.record(0, (i, -2 * i, 16384), 50 + i / 104)
            kernel.record(1, (3 * i, 5, -32768), 50 + i / 104)

    chunk = receive(live, lambda c: len(c.samples) == 100, motion)
    i = np.arange(100)
    ones = np.ones(100)
    expected = np.stack(
        [
            (i + 10) * ACC_SCALE,
            -2 * i * ACC_SCALE,
            16384 * ACC_SCALE * ones,
            -5 * GYRO_SCALE * ones,
            3 * i * GYRO_SCALE,
            -32768 * GYRO_SCALE * ones,
        ],
        axis=1,
    )
    np.testing.assert_allclose(chunk.samples, expected, rtol=1e-6)
    np.testing.assert_allclose(chunk.timestamps_s, 50 + i / 104, rtol=1e-9)
    for path in (acc, gyro):
        assert text(path / "sampling_frequency") == "104"
        assert text(path / "current_timestamp_clock") == "monotonic"
        assert text(path / "buffer/length") == "208"
        # An element that another program enabled would be in the records.
        assert text(path / "scan_elements/in_temp_en") == "0"
        assert text(path / "scan_elements/in_timestamp_en") == "1"
        assert text(path / "buffer/enable") == "0"  # stopped at the end
    assert any(
        "lsm6dso_accel gives acc_x, acc_y, acc_z at 104 Hz" in said for said in live.notes.said
    )


def test_one_device_with_both_sensors(kernel, receive):
    kernel.add(3, "mpu6050", {"accel": 2.0, "anglvel": 3.0})

    def motion():
        for i in range(20):
            kernel.record(3, (1, 2, 3, 4, 5, i), i / 50)

    chunk = receive(
        source(kernel, ("gyro_z", "acc_y"), name="iio:device3"),
        lambda c: len(c.samples) == 20,
        motion,
    )
    np.testing.assert_array_equal(
        chunk.samples, np.stack([3 * np.arange(20), 4 * np.ones(20)], axis=1)
    )


def test_records_may_come_in_pieces(kernel, receive):
    kernel.add(0, "bmi160", {"accel": 1.0})
    data = b"".join(struct.pack("<hhhxxq", i, 0, 0, i * 20_000_000) for i in range(50))

    def motion():
        for i in range(0, len(data), 7):
            os.write(kernel.ends[0], data[i : i + 7])
            time.sleep(0.0005)

    thread = threading.Thread(target=motion)
    chunk = receive(source(kernel, CHANNELS[:3]), lambda c: len(c.samples) == 50, thread.start)
    thread.join()
    np.testing.assert_array_equal(chunk.samples[:, 0], np.arange(50))


def test_a_trigger_is_found_set_or_made(kernel, receive):
    path = kernel.add(0, "lsm6dso_accel", {"accel": 1.0}, trigger__current_trigger="")

    def once():
        kernel.record(0, (1, 2, 3), 1.0)

    with pytest.raises(
        SourceError, match="lsm6dso_accel needs a trigger.*modprobe iio-trig-hrtimer"
    ):
        next(iter(source(kernel, CHANNELS[:3])))
    (kernel.root / "sys/kernel/config/iio/triggers/hrtimer").mkdir(parents=True)
    with pytest.raises(SourceError, match="there is no trigger 'mine'"):
        next(iter(source(kernel, CHANNELS[:3], trigger="mine")))
    # The kernel makes the trigger's directory in sysfs when one is made in configfs.
    kernel.write(kernel.devices / "trigger0", name="img2imu", sampling_frequency="100")
    receive(source(kernel, CHANNELS[:3], rate_hz=50.0), lambda c: len(c.samples) == 1, once)
    assert text(path / "trigger/current_trigger") == "img2imu"
    assert text(kernel.devices / "trigger0/sampling_frequency") == "52"
    kernel.write(path, trigger__current_trigger="")
    kernel.write(kernel.devices / "trigger1", name="lsm6dso_accel-dev0")
    receive(source(kernel, CHANNELS[:3]), lambda c: len(c.samples) == 1, once)
    assert text(path / "trigger/current_trigger") == "lsm6dso_accel-dev0"
    kernel.write(kernel.devices / "trigger2", name="mine")
    receive(source(kernel, CHANNELS[:3], trigger="mine"), lambda c: len(c.samples) == 1, once)
    assert text(path / "trigger/current_trigger") == "mine"


def test_unplugged_and_plugged_in_again(kernel, heard, receive):
    kernel.add(0, "bmi160", {"accel": 1.0})
    live = heard(source(kernel, CHANNELS[:3]))
    state = "new"

    def until(chunk):
        nonlocal state
        if state == "new" and len(chunk.samples) == 1:
            kernel.unplug(0)
            state = "unplugged"
        elif state == "unplugged" and live.notes.counts:
            kernel.plug_in(0)
            kernel.record(0, (2, 0, 0), 9.0)
            state = "again"
        return len(chunk.samples) == 2

    assert receive(live, until, lambda: kernel.record(0, (1, 0, 0), 1.0)).samples[
        :, 0
    ].tolist() == [1, 2]
    assert "bmi160 does not answer any more (" in live.notes.said[1]


def test_polling(kernel, heard, receive):
    path = kernel.add(
        0, "mpu6050", {"accel": 0.5, "anglvel": 2.0}, buffered=False, in_accel_z_offset=-100
    )
    live = heard(source(kernel, ("gyro_x", "acc_z"), rate_hz=200.0))

    def move():
        (path / "in_anglvel_x_raw").write_text("-7\n")

    chunk = receive(live, lambda c: -14 in c.samples[-1:] and len(c.samples) > 30, move)
    assert chunk.samples[0].tolist() == [600, 50] and chunk.samples[-1].tolist() == [-14, 50]
    assert (np.diff(chunk.timestamps_s) > 0).all()
    assert (
        "has no buffer with in_accel_x, " in live.notes.said[0]
        and "are polled" in live.notes.said[0]
    )
    assert text(path / "sampling_frequency") == "208"


def test_without_permission_it_polls_or_names_the_udev_rule(kernel, heard, receive, monkeypatch):
    path = kernel.add(0, "bmi160", {"accel": 1.0})
    for file in path.rglob("*"):
        file.chmod(0o444 if file.is_file() else 0o755)
    if os.geteuid() == 0:  # root ignores file modes
        monkeypatch.setattr(os, "access", lambda file, mode: bool(file.stat().st_mode & mode << 6))
    with pytest.raises(
        SourceError,
        match=r"enable may not be used by this user: sudo usermod -aG plugdev \$USER, add "
        "the udev rule",
    ):
        next(iter(source(kernel, CHANNELS[:3], mode="buffer")))
    live = heard(source(kernel, CHANNELS[:3], rate_hz=100.0))
    receive(live, lambda c: len(c.samples) > 5)
    assert "for now its values are polled" in live.notes.said[0]


def test_a_missing_sensor(kernel):
    with pytest.raises(SourceError, match="no IIO device has in_accel_x_raw, there are none: load"):
        next(iter(source(kernel)))
    kernel.add(0, "bmi160", {"accel": 1.0})
    with pytest.raises(
        SourceError, match=r"no IIO device has in_anglvel_x_raw, there are iio:device0 \(bmi160\)"
    ):
        next(iter(source(kernel)))
    with pytest.raises(SourceError, match="no IIO device lsm has in_accel_x_raw"):
        next(iter(source(kernel, name="lsm")))


def test_an_element_with_an_invalid_type(kernel):
    path = kernel.add(0, "bmi160", {"accel": 1.0})
    kernel.write(path, scan_elements__in_accel_y_type="le:s16/24>>0")
    with pytest.raises(
        SourceError, match="bmi160: in_accel_y has the type 'le:s16/24>>0'.*use mode=poll"
    ):
        next(iter(source(kernel, CHANNELS[:3])))


def test_the_uri():
    live = open_source("iio:?rate_hz=104&mode=poll", CHANNELS, 50.0)
    assert (live._name, live._rate_hz, live._mode) == ("", 104, "poll")
    assert open_source("iio:lsm6dso", CHANNELS, 50.0)._rate_hz == 50
    with pytest.raises(SourceError, match="mode='fast', expected one of auto, buffer, poll"):
        open_source("iio:?mode=fast", CHANNELS)
