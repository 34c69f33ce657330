"""One device of Linux's Industrial I/O interface: its files in sysfs, and its binary records.

The files are described in the kernel's Documentation/ABI/testing/sysfs-bus-iio and configfs-iio. A
value is (raw + offset) * scale, in m/s^2 and rad/s, then turned by the board's mount matrix if the
device tree has one.

A record of the buffer holds the enabled elements in the order of their indices. Each is aligned to
its own size, and the record is padded to the size of its largest element
(``iio_compute_scan_bytes`` in the kernel's industrialio-buffer.c).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float64Array
from edge_runtime.errors import SourceError

KINDS = {"acc": "accel", "gyro": "anglvel"}
TIMESTAMP = "in_timestamp"
OWN_TRIGGER = "img2imu"
WATERMARK_S = 0.05  # how often the kernel hands records over
DEFAULT_TRIGGER_HZ = 100
DEVICES = "sys/bus/iio/devices"
HRTIMER_TRIGGERS = "sys/kernel/config/iio/triggers/hrtimer"


def find_devices(root: Path, name: str, sensors: Sequence[str]) -> list[IioDevice]:
    """Return the device, or the two devices, that have the ``sensors``.

    Args:
        root: the directory that contains sys and dev.
        name: beginning of the driver's name, ``iio:deviceN``, or empty.
        sensors: acc, gyro, or both.

    Raises:
        SourceError: there is no device for one of the sensors.
    """
    paths = sorted(
        (root / DEVICES).glob("iio:device*"),
        key=lambda path: int("0" + path.name.removeprefix("iio:device")),
    )
    named = [
        path for path in paths if path.name == name or (_read(path / "name") or "").startswith(name)
    ]
    sensors_by_path: dict[Path, list[str]] = {}
    for sensor in sensors:
        file_name = f"in_{KINDS[sensor]}_x_raw"
        candidates = [path for path in named if (path / file_name).exists()]
        if not candidates:
            present = ", ".join(f"{path.name} ({_read(path / 'name')})" for path in paths) or "none"
            raise SourceError(
                f"no IIO device {name + ' ' if name else ''}has {file_name}, there are {present}: "
                "load the sensor's driver (on a Pi, a dtoverlay in /boot/firmware/config.txt), or "
                "leave the name out"
            )
        path = next((path for path in candidates if path in sensors_by_path), candidates[0])
        sensors_by_path.setdefault(path, []).append(sensor)
    return [IioDevice(path, its_sensors, root) for path, its_sensors in sensors_by_path.items()]


class IioDevice:
    """A device and those of its sensors that are used.

    Args:
        path: its directory in sysfs.
        sensors: acc, gyro, or both.
        root: the directory that contains sys and dev.

    Attributes:
        name: the driver's name for it.
        sensors: acc, gyro, or both.
        node: its buffer in /dev.
        channels: names of the channels that it gives.
        layout: layout of a record, set by :meth:`start`.
    """

    layout: ScanLayout

    def __init__(self, path: Path, sensors: Sequence[str], root: Path) -> None:
        self._path = path
        self._root = root
        self.name = _read(path / "name") or path.name
        self.sensors = tuple(sensors)
        self.node = root / "dev" / path.name
        self._elements = {
            f"{sensor}_{axis}": f"in_{KINDS[sensor]}_{axis}" for sensor in sensors for axis in "xyz"
        }
        self.channels = tuple(self._elements)
        self._offsets = {
            channel: self._number(element, "offset", 0.0)
            for channel, element in self._elements.items()
        }
        self._scales = {
            channel: self._number(element, "scale", 1.0)
            for channel, element in self._elements.items()
        }
        self._mounts = {sensor: self._mount_matrix(KINDS[sensor]) for sensor in sensors}

    def _number(self, element: str, attribute: str, default: float) -> float:
        """Return an attribute of the element, of its kind, or of the device."""
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

    def why_not_buffered(self) -> str | None:
        """Return a sentence if records cannot be read, else None."""
        scan = self._path / "scan_elements"
        elements = [*self._elements.values(), TIMESTAMP]
        if not all((scan / f"{element}_en").exists() for element in elements):
            return f"{self.name} has no buffer with {', '.join(elements)}: use mode=poll"
        files = [self._path / "buffer/enable", *(scan / f"{element}_en" for element in elements)]
        locked = next((file for file in files if not os.access(file, os.W_OK)), None)
        if locked is None and not os.access(self.node, os.R_OK):
            locked = self.node
        return None if locked is None else self.no_permission(str(locked))

    def no_permission(self, file: str) -> str:
        """Return what to do if this user may not use the device."""
        return (
            f"{file} may not be used by this user: sudo usermod -aG plugdev $USER, add the udev "
            "rule for iio that docs/sources.md gives, and log in again; or run as root"
        )

    def start(self, rate_hz: float | None, trigger: str | None, buffer_s: float) -> float:
        """Set the device up and start its records. Returns the rate that it reports, in Hz.

        Args:
            rate_hz: rate to set, or None.
            trigger: name of a trigger, or None to find one.
            buffer_s: seconds of records that the kernel should keep.

        Raises:
            SourceError: the driver cannot do it.
            OSError: no permission, or the device is in use.
        """
        self.stop()
        actual_hz = self.set_rate(rate_hz)
        self._enable_elements([*self._elements.values(), TIMESTAMP])
        clock = self._path / "current_timestamp_clock"
        if clock.exists():
            _write(clock, "monotonic")  # the wall clock can be set back
        actual_hz = self._set_trigger(trigger, actual_hz)
        self._try_write("buffer/length", str(max(16, round(buffer_s * actual_hz))))
        self._try_write("buffer/watermark", str(max(1, round(WATERMARK_S * actual_hz))))
        _write(self._path / "buffer/enable", "1")
        return actual_hz

    def stop(self) -> None:
        """Stop the records, so that others can set the device up."""
        with contextlib.suppress(FileNotFoundError):
            _write(self._path / "buffer/enable", "0")

    def set_rate(self, rate_hz: float | None) -> float:
        """Set the rate, see :func:`choose_rate`. Returns the rate that the device then reports."""
        actual_hz = 0.0
        for kind in ["", *(f"in_{KINDS[sensor]}_" for sensor in self.sensors)]:
            file = self._path / f"{kind}sampling_frequency"
            if not file.exists():
                continue
            if rate_hz is not None:
                offered = _read(self._path / f"{kind}sampling_frequency_available") or ""
                _write(file, f"{choose_rate(offered, rate_hz):g}")
            actual_hz = float(_read(file) or 0)
        return actual_hz or rate_hz or 0.0

    def _enable_elements(self, elements: list[str]) -> None:
        """Put exactly these elements into the records, and set the layout."""
        scan = self._path / "scan_elements"
        for file in sorted(scan.glob("*_en")):
            if _read(file) == "1":
                _write(file, "0")
        for element in elements:
            _write(scan / f"{element}_en", "1")
        try:
            self.layout = ScanLayout(
                [
                    parse_element(
                        element,
                        index=_read(scan / f"{element}_index") or "",
                        kind=_read(scan / f"{element}_type") or "",
                    )
                    for element in elements
                ]
            )
        except ValueError as error:
            raise SourceError(f"{self.name}: {error}; use mode=poll") from error

    def _set_trigger(self, name: str | None, rate_hz: float) -> float:
        """Give the device a trigger that starts each record, if it needs one.

        Returns:
            The rate of the records, in Hz.
        """
        current = self._path / "trigger/current_trigger"
        if not current.exists():
            return rate_hz  # it fills its buffer by itself
        name = name or _read(current) or self._data_ready_trigger() or OWN_TRIGGER
        triggers = self._triggers()
        if name == OWN_TRIGGER and name not in triggers:
            config = self._root / HRTIMER_TRIGGERS
            if not config.is_dir():
                raise SourceError(
                    f"{self.name} needs a trigger to start its records and there is none: sudo "
                    "modprobe iio-trig-hrtimer, and sudo mount -t configfs none /sys/kernel/config "
                    "if that is not mounted; or use mode=poll"
                )
            with contextlib.suppress(FileExistsError):
                (config / name).mkdir()
            triggers = self._triggers()
        if name not in triggers:
            raise SourceError(
                f"there is no trigger {name!r} for {self.name}, expected one of "
                f"{', '.join(filter(None, triggers)) or 'none'}: leave trigger= out to make one"
            )
        if name == OWN_TRIGGER:
            frequency = triggers[name] / "sampling_frequency"
            _write(frequency, f"{rate_hz or DEFAULT_TRIGGER_HZ:g}")
            rate_hz = float(_read(frequency) or rate_hz)
        if _read(current) != name:
            _write(current, name)
        return rate_hz

    def _data_ready_trigger(self) -> str | None:
        """Return the trigger that the driver made for this device: NAME-devN or NAME-trigger."""
        number = self._path.name.removeprefix("iio:device")
        names = (f"{self.name}-dev{number}", f"{self.name}-trigger")
        return next((name for name in self._triggers() if name in names), None)

    def _triggers(self) -> dict[str, Path]:
        """Return all triggers: name to directory."""
        paths = (self._root / DEVICES).glob("trigger*")
        return {_read(path / "name") or "": path for path in paths}

    def _try_write(self, name: str, text: str) -> None:
        """Write a setting that may be fixed, or missing in this kernel."""
        with contextlib.suppress(OSError):
            _write(self._path / name, text)

    def decode(self, records: bytes) -> tuple[Float64Array, dict[str, Float64Array]]:
        """Return the times (n,) in seconds and each channel's values (n,) of n records."""
        raw = self.layout.decode(records)
        values: dict[str, Float64Array] = {}
        for channel, element in self._elements.items():
            scaled = (raw[element] + self._offsets[channel]) * self._scales[channel]
            values[channel] = np.asarray(scaled, np.float64)
        for sensor, matrix in self._mounts.items():
            channels = [f"{sensor}_{axis}" for axis in "xyz"]
            turned = np.dot(matrix, np.stack([values[channel] for channel in channels]))  # (3, n)
            for channel, row in zip(channels, turned, strict=True):
                values[channel] = np.asarray(row, np.float64)
        return raw[TIMESTAMP] / 1e9, values

    @contextlib.contextmanager
    def poller(self) -> Iterator[Callable[[], list[float]]]:
        """Open the sysfs files, and return a function that reads all channels now."""
        with contextlib.ExitStack() as stack:
            files = {}
            for channel, element in self._elements.items():
                files[channel] = os.open(self._path / f"{element}_raw", os.O_RDONLY)
                stack.callback(os.close, files[channel])

            def read() -> list[float]:
                scaled = []
                for channel, file in files.items():
                    text = os.pread(file, 64, 0)
                    if not text:
                        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
                    scaled.append((int(text) + self._offsets[channel]) * self._scales[channel])
                triples = np.array(scaled).reshape(-1, 3)
                return [
                    float(value)
                    for sensor, triple in zip(self.sensors, triples, strict=True)
                    for value in self._mounts[sensor] @ triple
                ]

            yield read


def choose_rate(offered: str, rate_hz: float) -> float:
    """Return the lowest rate offered from ``rate_hz`` upwards, or the highest if there is none.

    A rate up to 2 % below ``rate_hz`` counts as well: drivers round (104 Hz halved is 52, 50 Hz may
    be 49.95).

    Args:
        offered: contents of ``sampling_frequency_available``, such as ``12.5 26 52 104`` or
            ``[lowest step highest]``.
        rate_hz: the requested rate.
    """
    rates_hz = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", offered)]
    if not rates_hz:
        return rate_hz
    if offered.strip().startswith("["):
        return min(max(rate_hz, rates_hz[0]), rates_hz[-1])
    return min((offer for offer in rates_hz if offer >= 0.98 * rate_hz), default=max(rates_hz))


@dataclass(frozen=True)
class ScanElement:
    """One value of a record, as the file ``scan_elements/NAME_type`` describes it.

    Attributes:
        name: such as ``in_accel_x``.
        index: its place among the elements.
        big_endian: byte order.
        signed: whether it is in two's complement.
        bits: bits that carry the value.
        storage_bits: bits that it occupies.
        shift: bits to drop on the right.
    """

    name: str
    index: int
    big_endian: bool
    signed: bool
    bits: int
    storage_bits: int
    shift: int

    @property
    def size(self) -> int:
        """Bytes that it occupies. It starts at a multiple of them."""
        return self.storage_bits // 8

    def decode(self, stored: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Return the values (n,) of the stored bytes (n, size)."""
        order = ">" if self.big_endian else "<"
        words = np.ascontiguousarray(stored).view(f"{order}u{self.size}")[:, 0].astype(np.uint64)
        words = (words >> np.uint64(self.shift)) & np.uint64((1 << self.bits) - 1)
        values = words.view(np.int64)
        if self.signed and self.bits < 64:
            values = np.where(values >= 1 << (self.bits - 1), values - (1 << self.bits), values)
        return values


def parse_element(name: str, index: str, kind: str) -> ScanElement:
    """Parse the kernel's description of an element.

    Args:
        name: such as ``in_accel_x``.
        index: contents of ``NAME_index``.
        kind: contents of ``NAME_type``, ``[be|le]:[s|u]bits/storagebits[Xrepeat][>>shift]``.

    Raises:
        ValueError: the description is malformed, or the element holds several values.
    """
    match = re.fullmatch(r"([bl])e:([su])(\d+)/(\d+)(?:X(\d+))?(?:>>(\d+))?", kind.strip())
    if match is None:
        raise ValueError(
            f"{name} has the type {kind.strip()!r}, expected [be|le]:[s|u]bits/storagebits[>>shift]"
        )
    bits, storage_bits, repeat, shift = (int(group or 0) for group in match.groups()[2:])
    if storage_bits not in (8, 16, 32, 64) or repeat > 1 or not 1 <= bits <= storage_bits - shift:
        raise ValueError(
            f"{name} has the type {kind.strip()!r}, expected one value in 8, 16, 32 or 64 bits"
        )
    return ScanElement(
        name,
        int(index),
        big_endian=match[1] == "b",
        signed=match[2] == "s",
        bits=bits,
        storage_bits=storage_bits,
        shift=shift,
    )


class ScanLayout:
    """Where the elements lie in a record.

    Args:
        elements: the enabled elements.

    Attributes:
        size: size of a record in bytes.
    """

    def __init__(self, elements: Sequence[ScanElement]) -> None:
        self._offsets: dict[ScanElement, int] = {}
        end = 0
        for element in sorted(elements, key=lambda element: element.index):
            self._offsets[element] = _aligned(end, element.size)
            end = self._offsets[element] + element.size
        self.size = _aligned(end, max(element.size for element in elements))

    def decode(self, records: bytes) -> dict[str, npt.NDArray[np.int64]]:
        """Return each element's values (n,) in n whole records, by its name."""
        table = np.frombuffer(records, np.uint8).reshape(-1, self.size)
        return {
            element.name: element.decode(table[:, offset : offset + element.size])
            for element, offset in self._offsets.items()
        }


def _aligned(offset: int, size: int) -> int:
    """Return the next multiple of ``size`` from ``offset`` on."""
    return -(-offset // size) * size


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:  # an error of the driver lacks the file name
        raise OSError(error.errno, error.strerror, str(path)) from error
