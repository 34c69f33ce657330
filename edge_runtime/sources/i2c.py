"""``i2c:SENSOR``: a sensor on an I2C bus, such as pins 3 and 5 of a Raspberry Pi.

It is read through Adafruit's CircuitPython drivers. SENSOR is one of the names in DRIVERS. Options:
``bus`` (1, the Pi's, is /dev/i2c-1), ``address`` (such as 0x6b, if the board does not use the
default), ``rate_hz`` (readings per second, 50 by default; the sensor itself is set to the next rate
above). The accelerometer is set to 8 g and the gyroscope to 1000 degrees per second, so that an
arm's swing does not saturate them. The kernel's drivers have steadier times: see the source
``iio:``.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.errors import SourceError
from edge_runtime.extras import import_extra
from edge_runtime.sources.live import polled, reconnecting
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

EXTRA = "i2c"
DEFAULT_HZ = 50.0
FASTEST_HZ = 400.0  # a reading of six axes takes 1 to 2 ms on a bus of 400 kHz


@dataclass(frozen=True)
class Driver:
    """A sensor's CircuitPython driver.

    Attributes:
        module: module of Adafruit's package.
        class_name: the driver's class in that module.
        address: default address on the bus.
        set_up: sets range and rate. Takes the driver, its module and the rate in Hz.
    """

    module: str
    class_name: str
    address: int
    set_up: Callable[[Any, Any, float], None]


def _set_up_lsm6ds(sensor: Any, module: Any, rate_hz: float) -> None:
    package = import_extra("adafruit_lsm6ds", EXTRA)
    code_by_hz = {hz: code for code, hz in package.Rate.string.items() if hz > 0}
    chosen_hz = min((hz for hz in code_by_hz if hz >= rate_hz), default=max(code_by_hz))
    sensor.accelerometer_data_rate = code_by_hz[chosen_hz]
    sensor.gyro_data_rate = code_by_hz[chosen_hz]
    sensor.accelerometer_range = package.AccelRange.RANGE_8G
    sensor.gyro_range = package.GyroRange.RANGE_1000_DPS


def _set_up_mpu6050(sensor: Any, module: Any, rate_hz: float) -> None:
    sensor.accelerometer_range = module.Range.RANGE_8_G
    sensor.gyro_range = module.GyroRange.RANGE_1000_DPS
    sensor.filter_bandwidth = (
        module.Bandwidth.BAND_44_HZ if rate_hz < 150 else module.Bandwidth.BAND_94_HZ
    )
    # a divisor of the filter's 1 kHz (register map, 4.2)
    sensor.sample_rate_divisor = max(0, min(255, int(1000 / rate_hz) - 1))


def _set_up_icm20948(sensor: Any, module: Any, rate_hz: float) -> None:
    sensor.gyro_range = module.GyroRange.RANGE_1000_DPS
    sensor.accelerometer_range = module.AccelRange.RANGE_8G
    # The driver's rates are 1125 / (1 + divisor) and 1100 / (1 + divisor). Take the next above, if
    # there is one.
    sensor.accelerometer_data_rate_divisor = max(0, int(1125 / rate_hz) - 1)
    sensor.gyro_data_rate_divisor = max(0, min(255, int(1100 / rate_hz) - 1))


def _set_up_bno08x(sensor: Any, module: Any, rate_hz: float) -> None:
    package = import_extra("adafruit_bno08x", EXTRA)
    for report in (package.BNO_REPORT_ACCELEROMETER, package.BNO_REPORT_GYROSCOPE):
        sensor.enable_feature(report, report_interval=int(1e6 / rate_hz))


DRIVERS = {
    "lsm6ds3": Driver("adafruit_lsm6ds.lsm6ds3", "LSM6DS3", 0x6A, _set_up_lsm6ds),
    "lsm6ds33": Driver("adafruit_lsm6ds.lsm6ds33", "LSM6DS33", 0x6A, _set_up_lsm6ds),
    "lsm6ds3trc": Driver("adafruit_lsm6ds.lsm6ds3trc", "LSM6DS3TRC", 0x6A, _set_up_lsm6ds),
    "lsm6dsox": Driver("adafruit_lsm6ds.lsm6dsox", "LSM6DSOX", 0x6A, _set_up_lsm6ds),
    "lsm6dso32": Driver("adafruit_lsm6ds.lsm6dso32", "LSM6DSO32", 0x6A, _set_up_lsm6ds),
    "icm20948": Driver("adafruit_icm20x", "ICM20948", 0x69, _set_up_icm20948),
    "mpu6050": Driver("adafruit_mpu6050", "MPU6050", 0x68, _set_up_mpu6050),
    "bno08x": Driver("adafruit_bno08x.i2c", "BNO08X_I2C", 0x4A, _set_up_bno08x),
}


class I2cSource:
    """Reads one sensor at a steady rate.

    Args:
        name: key of DRIVERS.
        channels: names of the columns to return, in order.
        rate_hz: readings per second.
        address: address on the bus, or None for the default.
        bus: number of the bus.
        open_bus: opens a bus by its number, with the interface of CircuitPython's ``busio.I2C``.

    Raises:
        SourceError: the sensor is unknown, or the rate is out of range.
        MissingExtraError: Adafruit's packages are not installed.
    """

    def __init__(
        self,
        name: str,
        channels: Sequence[str],
        rate_hz: float = DEFAULT_HZ,
        address: int | None = None,
        bus: int = 1,
        open_bus: Callable[[int], Any] | None = None,
    ) -> None:
        if name not in DRIVERS:
            raise SourceError(
                f"there is no driver for {name!r}, expected one of {', '.join(DRIVERS)}: write for "
                "example i2c:lsm6dsox, or use the kernel's driver with iio:"
            )
        if not 0 < rate_hz <= FASTEST_HZ:
            raise SourceError(
                f"i2c:{name} is to be read {rate_hz:g} times a second, expected at most "
                f"{FASTEST_HZ:g}"
            )
        self._driver = DRIVERS[name]
        self._module = import_extra(self._driver.module, EXTRA)
        self._channels = tuple(channels)
        self._rate_hz = rate_hz
        self._bus = bus
        self._address = self._driver.address if address is None else address
        self._open_bus = open_bus or _linux_bus
        self._where = f"{name} at 0x{self._address:02x} of I2C bus {bus}"
        self.notes = Notes(f"i2c {name}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> I2cSource:
        """Open ``SENSOR[?bus=..&address=..&rate_hz=..]``.

        Raises:
            SourceError: the sensor is unknown, or an option is invalid.
        """
        target = parse_source_uri(rest, ("bus", "address", "rate_hz"))
        address = target.options.get("address")
        if address is not None and not re.fullmatch("0x[0-7][0-9a-fA-F]", address):
            raise SourceError(
                f"{target.name} was given address={address!r}, expected one from 0x08 to 0x77: "
                "i2cdetect -y 1 shows which answer"
            )
        bus = target.whole_number("bus")
        return I2cSource(
            target.name.lower(),
            channels,
            rate_hz=target.rate(rate_hz) or DEFAULT_HZ,
            address=None if address is None else int(address, 16),
            bus=1 if bus is None else bus,
        )

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        try:
            driver_class = getattr(self._module, self._driver.class_name)
            sensor = driver_class(self._open_bus(self._bus), address=self._address)
            self._driver.set_up(sensor, self._module, self._rate_hz)
            channels = [name.split("_") for name in self._channels]
            kinds = {kind for kind, _ in channels}

            def read() -> list[float]:
                values = {
                    "acc": sensor.acceleration if "acc" in kinds else (),
                    "gyro": sensor.gyro if "gyro" in kinds else (),
                }
                return [float(values[kind]["xyz".index(axis)]) for kind, axis in channels]

            yield from polled(read, self._rate_hz, self.notes)
        # The drivers raise RuntimeError for another chip, ValueError for none, LookupError for half
        # a packet.
        except (OSError, RuntimeError, ValueError, LookupError) as error:
            raise SourceError(self._why_lost(error)) from error

    def _why_lost(self, error: Exception) -> str:
        code = getattr(error, "errno", None)
        if code == errno.EACCES:
            return (
                f"/dev/i2c-{self._bus} may not be used by this user: sudo usermod -aG i2c $USER, "
                "then log in again"
            )
        if code == errno.ENOENT or "not found, check if enabled" in str(error):
            return (
                f"there is no /dev/i2c-{self._bus}: switch it on with sudo raspi-config nonint "
                "do_i2c 0 on a Pi (elsewhere: sudo modprobe i2c-dev), or name another with bus="
            )
        return (
            f"{self._where} does not answer as expected ({str(error) or type(error).__name__}): "
            f"check the wiring, the address with i2cdetect -y {self._bus}, and that no kernel "
            "driver uses it"
        )


def _linux_bus(number: int) -> Any:
    """Open /dev/i2c-N for the drivers, without Blinka's detection of the board."""
    linux = import_extra("adafruit_blinka.microcontroller.generic_linux.i2c", EXTRA)
    lockable = import_extra("adafruit_blinka", EXTRA).Lockable
    return type("LinuxI2C", (linux.I2C, lockable), {})(number)
