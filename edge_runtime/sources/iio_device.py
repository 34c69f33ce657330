"""One device of Linux's Industrial I/O interface, as sysfs shows it.

The files are described in the kernel's Documentation/ABI/testing/sysfs-bus-iio and configfs-iio. A
value is (raw + offset) * scale, in m/s^2 and rad/s, then turned by the board's mount matrix where
the device tree gives one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.errors import SourceError
from edge_runtime.sources.iio_scan import ScanLayout, parse_element

KINDS = {"acc": "accel", "gyro": "anglvel"}
TIMESTAMP = "in_timestamp"
OWN_TRIGGER = "img2imu"
WATERMARK_S = 0.05  # records are handed over this often


class IioDevice:
    """A device and the sensors that are wanted of it.

    Args:
        path: of its directory in sysfs.
        sensors: acc, gyro, or both.
        root: where sys and dev are.

    Attributes:
        name: that the driver gives.
        sensors: as given.
        node: of its buffer in /dev.
        channels: that it gives.
        layout: of a record.
    """

    layout: ScanLayout

    def __init__(self, path: Path, sensors: Sequence[str], root: Path) -> None:
        self._path, self._root = path, root
        self.name = _read(path / "name") or path.name
        self.sensors = tuple(sensors)
        self.node = root / "dev" / path.name
        self._elements = {
            f"{sensor}_{axis}": f"in_{KINDS[sensor]}_{axis}" for sensor in sensors for axis in "xyz"
        }
        self.channels = tuple(self._elements)
        self._factors = {
            name: (self._number(element, "offset", 0.0), self._number(element, "scale", 1.0))
            for name, element in self._elements.items()
        }
        self._mounts = {sensor: self._mount_matrix(KINDS[sensor]) for sensor in sensors}

    def why_not_buffered(self) -> str | None:
        """A sentence when records cannot be had, else None."""
        scan = self._path / "scan_elements"
        wanted = [*self._elements.values(), TIMESTAMP]
        if not all((scan / f"{element}_en").exists() for element in wanted):
            return f"{self.name} has no buffer with {', '.join(wanted)}: use mode=poll"
        files = [self._path / "buffer" / "enable", *(scan / f"{element}_en" for element in wanted)]
        locked = next((file for file in files if not os.access(file, os.W_OK)), None)
        if locked is None and not os.access(self.node, os.R_OK):
            locked = self.node
        return None if locked is None else self.no_permission(str(locked))

    def no_permission(self, file: str) -> str:
        """What to do when this user may not use the device."""
        return (
            f"{file} may not be used by this user: sudo usermod -aG plugdev $USER, add the udev rule for iio that "
            "docs/sources.md gives, and log in again; or run as root"
        )

    def start(self, rate_hz: float | None, trigger: str | None, buffer_s: float) -> float:
        """Set the device up and let it record; gives the rate that it says it has.

        Args:
            rate_hz: to set, or None.
            trigger: name of one, or None to find one.
            buffer_s: how much the kernel should keep.

        Raises:
            SourceError: the driver cannot do it.
            OSError: no permission, or the device is in use.
        """
        self.stop()
        set_hz = self.set_rate(rate_hz)
        scan = self._path / "scan_elements"
        for file in sorted(scan.glob("*_en")):
            if _read(file) == "1":
                _write(file, "0")
        wanted = [*self._elements.values(), TIMESTAMP]
        for element in wanted:
            _write(scan / f"{element}_en", "1")
        try:
            self.layout = ScanLayout(
                [
                    parse_element(
                        element,
                        _read(scan / f"{element}_index") or "",
                        _read(scan / f"{element}_type") or "",
                    )
                    for element in wanted
                ]
            )
        except ValueError as error:
            raise SourceError(f"{self.name}: {error}; use mode=poll") from error
        clock = self._path / "current_timestamp_clock"
        if clock.exists():
            _write(clock, "monotonic")  # the wall clock can be set back
        set_hz = self._set_trigger(trigger, set_hz)
        self._try_write("buffer/length", str(max(16, round(buffer_s * set_hz))))
        self._try_write("buffer/watermark", str(max(1, round(WATERMARK_S * set_hz))))
        _write(self._path / "buffer" / "enable", "1")
        return set_hz

    def stop(self) -> None:
        """Let it rest, and others set it up."""
        with contextlib.suppress(FileNotFoundError):
            _write(self._path / "buffer" / "enable", "0")

    def decode(self, records: bytes) -> tuple[Float64Array, dict[str, Float64Array]]:
        """Times (n,) in seconds and the channels' values (n,) of n records."""
        raw = self.layout.decode(records)
        values: dict[str, Float64Array] = {}
        for name, element in self._elements.items():
            offset, scale = self._factors[name]
            values[name] = np.asarray((raw[element] + offset) * scale, np.float64)
        for sensor, matrix in self._mounts.items():
            turned = np.dot(
                matrix, np.stack([values[f"{sensor}_{axis}"] for axis in "xyz"])
            )  # (3, n)
            for axis, row in zip("xyz", turned, strict=True):
                values[f"{sensor}_{axis}"] = np.asarray(row, np.float64)
        return raw[TIMESTAMP] / 1e9, values

    @contextlib.contextmanager
    def poller(self) -> Iterator[Callable[[], list[float]]]:
        """A function that asks sysfs for all channels now."""
        with contextlib.ExitStack() as stack:
            files = {}
            for name, element in self._elements.items():
                files[name] = os.open(self._path / f"{element}_raw", os.O_RDONLY)
                stack.callback(os.close, files[name])

            def read() -> list[float]:
                scaled = []
                for name, file in files.items():
                    text = os.pread(file, 64, 0)
                    if not text:
                        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
                    scaled.append((int(text) + self._factors[name][0]) * self._factors[name][1])
                triples = np.array(scaled).reshape(-1, 3)
                return [
                    float(value)
                    for sensor, triple in zip(self.sensors, triples, strict=True)
                    for value in self._mounts[sensor] @ triple
                ]

            yield read

    def set_rate(self, rate_hz: float | None) -> float:
        """Set the lowest rate offered from ``rate_hz`` upwards, else the highest; gives the rate it then has."""
        found = 0.0
        for kind in ["", *(f"in_{KINDS[sensor]}_" for sensor in self.sensors)]:
            file = self._path / f"{kind}sampling_frequency"
            if not file.exists():
                continue
            if rate_hz is not None:
                offered = _read(self._path / f"{kind}sampling_frequency_available") or ""
                _write(file, f"{choose_rate(offered, rate_hz):g}")
            found = float(_read(file) or 0)
        return found or rate_hz or 0.0

    def _set_trigger(self, name: str | None, rate_hz: float) -> float:
        """Give the device something that starts each record, where it needs that; the rate of the records."""
        current = self._path / "trigger" / "current_trigger"
        if not current.exists():
            return rate_hz  # it fills its buffer by itself
        name = name or _read(current) or self._own_trigger() or OWN_TRIGGER
        triggers = self._root / "sys/bus/iio/devices"
        config = self._root / "sys/kernel/config/iio/triggers/hrtimer"
        names = {_read(path / "name"): path for path in triggers.glob("trigger*")}
        if name == OWN_TRIGGER and name not in names:
            if not config.is_dir():
                raise SourceError(
                    f"{self.name} needs a trigger to start its records and there is none: sudo modprobe "
                    "iio-trig-hrtimer, and sudo mount -t configfs none /sys/kernel/config if that is "
                    "not mounted; or use mode=poll"
                )
            with contextlib.suppress(FileExistsError):
                (config / name).mkdir()
            names = {_read(path / "name"): path for path in triggers.glob("trigger*")}
        if name not in names:
            raise SourceError(
                f"there is no trigger {name!r} for {self.name}, expected one of "
                f"{', '.join(filter(None, names)) or 'none'}: leave trigger= out to make one"
            )
        if name == OWN_TRIGGER:
            _write(names[name] / "sampling_frequency", f"{rate_hz or 100:g}")
            rate_hz = float(_read(names[name] / "sampling_frequency") or rate_hz)
        if _read(current) != name:
            _write(current, name)
        return rate_hz

    def _own_trigger(self) -> str | None:
        """The data-ready trigger that the driver made for this device: NAME-devN or NAME-trigger."""
        number = self._path.name.removeprefix("iio:device")
        names = [
            _read(path / "name") or ""
            for path in (self._root / "sys/bus/iio/devices").glob("trigger*")
        ]
        return next(
            (
                name
                for name in names
                if name in (f"{self.name}-dev{number}", f"{self.name}-trigger")
            ),
            None,
        )

    def _number(self, element: str, attribute: str, default: float) -> float:
        """An attribute of the element, of its kind, or of the device."""
        for name in (f"{element}_{attribute}", f"{element[:-2]}_{attribute}", f"in_{attribute}"):
            text = _read(self._path / name)
            if text:
                return float(text)
        return default

    def _mount_matrix(self, kind: str) -> Float64Array:
        for name in (f"in_{kind}_mount_matrix", "in_mount_matrix", "mount_matrix"):
            numbers = re.findall(r"[-+.0-9eE]+", _read(self._path / name) or "")
            if len(numbers) == 9:
                return np.array(numbers, np.float64).reshape(3, 3)
        return np.eye(3)

    def _try_write(self, name: str, text: str) -> None:
        with contextlib.suppress(OSError):  # a fixed length, or a kernel without watermark
            _write(self._path / name, text)


def find_devices(root: Path, name: str, sensors: Sequence[str]) -> list[IioDevice]:
    """The device, or the two devices, that have the ``sensors``.

    Raises:
        SourceError: a sensor is not there.
    """
    directory = root / "sys/bus/iio/devices"
    paths = sorted(
        directory.glob("iio:device*"),
        key=lambda path: int("0" + path.name.removeprefix("iio:device")),
    )
    fitting = [
        path for path in paths if path.name == name or (_read(path / "name") or "").startswith(name)
    ]
    wanted: dict[Path, list[str]] = {}
    for sensor in sensors:
        having = [path for path in fitting if (path / f"in_{KINDS[sensor]}_x_raw").exists()]
        if not having:
            known = ", ".join(f"{path.name} ({_read(path / 'name')})" for path in paths) or "none"
            raise SourceError(
                f"no IIO device {name + ' ' if name else ''}has in_{KINDS[sensor]}_x_raw, there are "
                f"{known}: load the sensor's driver (on a Pi, a dtoverlay in /boot/firmware/config.txt), "
                "or leave the name out"
            )
        shared = next((path for path in having if path in wanted), having[0])
        wanted.setdefault(shared, []).append(sensor)
    return [IioDevice(path, found, root) for path, found in wanted.items()]


def choose_rate(offered: str, rate_hz: float) -> float:
    """Out of ``12.5 26 52 104`` or ``[lowest step highest]``, the lowest from ``rate_hz`` upwards, else the highest.

    Two per cent below count as there: 104 Hz drivers call their half 52, and 50 Hz ones 49.95.
    """
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", offered)]
    if not numbers:
        return rate_hz
    if offered.strip().startswith("["):
        return min(max(rate_hz, numbers[0]), numbers[-1])
    return min((number for number in numbers if number >= 0.98 * rate_hz), default=max(numbers))


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:  # what the driver objects to comes without the file's name
        raise OSError(error.errno, error.strerror, str(path)) from error
