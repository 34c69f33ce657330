"""``i2c:SENSOR``: a sensor on an I2C bus, such as a Raspberry Pi's pins 3 and 5, by Adafruit's CircuitPython drivers.

SENSOR is one of the names in DRIVERS. Options: ``bus`` (1 is a Pi's; /dev/i2c-1), ``address`` (such
as 0x6b, where the board's is not the usual one), ``rate_hz`` (readings per second, 50 without any
wish; the sensor itself is set to the next rate above). The accelerometer is set to 8 g and the
gyroscope to 1000 degrees per second, so that an arm's swing does not saturate them. The chips'
drivers in the kernel are steadier: see the source ``iio:``.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.errors import SourceError
from edge_runtime.extras import import_extra
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.polling import polled
from edge_runtime.sources.reconnect import reconnecting
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

EXTRA = "i2c"
DEFAULT_HZ = 50.0
FASTEST_HZ = 400.0  # a reading of six axes takes 1 to 2 ms on a bus of 400 kHz


@dataclass(frozen=True)
class Driver:
    """Where a sensor's driver is.

    Attributes:
        module: of Adafruit's package.
        name: of the class in it.
        address: the usual one on the bus.
        set_up: sets range and rate, given the driver, its module and the rate in Hz.
    """

    module: str
    name: str
    address: int
    set_up: Callable[[Any, Any, float], None]


def _set_up_lsm6ds(sensor: Any, module: Any, rate_hz: float) -> None:
    rates = import_extra("adafruit_lsm6ds", EXTRA)
    offered = {hz: code for code, hz in rates.Rate.string.items() if hz > 0}
    code = offered[min((hz for hz in offered if hz >= rate_hz), default=max(offered))]
    sensor.accelerometer_data_rate = sensor.gyro_data_rate = code
    sensor.accelerometer_range = rates.AccelRange.RANGE_8G
    sensor.gyro_range = rates.GyroRange.RANGE_1000_DPS


def _set_up_mpu6050(sensor: Any, module: Any, rate_hz: float) -> None:
    sensor.accelerometer_range = module.Range.RANGE_8_G
    sensor.gyro_range = module.GyroRange.RANGE_1000_DPS
    sensor.filter_bandwidth = (
        module.Bandwidth.BAND_44_HZ if rate_hz < 150 else module.Bandwidth.BAND_94_HZ
    )
    sensor.sample_rate_divisor = max(
        0, min(255, int(1000 / rate_hz) - 1)
    )  # of the filter's 1 kHz (register map, 4.2)


def _set_up_icm20948(sensor: Any, module: Any, rate_hz: float) -> None:
    sensor.gyro_range = module.GyroRange.RANGE_1000_DPS
    sensor.accelerometer_range = module.AccelRange.RANGE_8G
    # the driver's rates are 1125 / (1 + divisor) and 1100 / (1 + divisor): the next above, where
    # there is one
    sensor.accelerometer_data_rate_divisor = max(0, int(1125 / rate_hz) - 1)
    sensor.gyro_data_rate_divisor = max(0, min(255, int(1100 / rate_hz) - 1))


def _set_up_bno08x(sensor: Any, module: Any, rate_hz: float) -> None:
    reports = import_extra("adafruit_bno08x", EXTRA)
    for report in (reports.BNO_REPORT_ACCELEROMETER, reports.BNO_REPORT_GYROSCOPE):
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
    """Readings of one sensor.

    Args:
        name: key of DRIVERS.
        channels: names of the columns to give, in order.
        rate_hz: readings per second.
        address: on the bus, or None for the usual one.
        bus: number of the bus.
        open_bus: gives the bus to its number; what it gives is used as CircuitPython's
            ``busio.I2C``.

    Raises:
        SourceError: no such sensor.
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
                f"i2c:{name} is to be read {rate_hz:g} times a second, expected at most {FASTEST_HZ:g}"
            )
        self._driver = DRIVERS[name]
        self._module = import_extra(self._driver.module, EXTRA)
        self._channels, self._rate_hz, self._bus = tuple(channels), rate_hz, bus
        self._address = self._driver.address if address is None else address
        self._open_bus = open_bus or _linux_bus
        self._where = f"{name} at 0x{self._address:02x} of I2C bus {bus}"
        self.notes = Notes(f"i2c {name}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> I2cSource:
        """Open ``SENSOR[?bus=..&address=..&rate_hz=..]``.

        Raises:
            SourceError: no such sensor, or an option that makes no sense.
        """
        target = parse_source_uri(rest, ("bus", "address", "rate_hz"))
        text = target.options.get("address")
        if text is not None and not re.fullmatch("0x[0-7][0-9a-fA-F]", text):
            raise SourceError(
                f"{target.name} was given address={text!r}, expected one from 0x08 to 0x77: i2cdetect "
                "-y 1 shows which answer"
            )
        bus = target.whole_number("bus")
        return I2cSource(
            target.name.lower(),
            channels,
            target.rate(rate_hz) or DEFAULT_HZ,
            None if text is None else int(text, 16),
            1 if bus is None else bus,
        )

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        try:
            sensor = getattr(self._module, self._driver.name)(
                self._open_bus(self._bus), address=self._address
            )
            self._driver.set_up(sensor, self._module, self._rate_hz)
            parts = [
                (kind, "xyz".index(axis))
                for kind, axis in (name.split("_") for name in self._channels)
            ]
            wanted = {kind for kind, _ in parts}

            def read() -> list[float]:
                values = {
                    "acc": sensor.acceleration if "acc" in wanted else (),
                    "gyro": sensor.gyro if "gyro" in wanted else (),
                }
                return [float(values[kind][axis]) for kind, axis in parts]

            yield from polled(read, self._rate_hz, self.notes)
        # the drivers raise RuntimeError for another chip, ValueError for none, LookupError for half
        # a packet
        except (OSError, RuntimeError, ValueError, LookupError) as error:
            raise SourceError(self._lost(error)) from error

    def _lost(self, error: Exception) -> str:
        code = getattr(error, "errno", None)
        if code == errno.EACCES:
            return f"/dev/i2c-{self._bus} may not be used by this user: sudo usermod -aG i2c $USER, then log in again"
        if code == errno.ENOENT or "not found, check if enabled" in str(error):
            return (
                f"there is no /dev/i2c-{self._bus}: sudo raspi-config nonint do_i2c 0 switches a Pi's on "
                "(elsewhere: sudo modprobe i2c-dev), or name another with bus="
            )
        return (
            f"{self._where} does not answer as it should ({str(error) or type(error).__name__}): check the wiring "
            f"and the address with i2cdetect -y {self._bus}, and that no kernel driver holds it"
        )


def _linux_bus(number: int) -> Any:
    """/dev/i2c-N as the drivers want it, without Blinka's guess at which board this is."""
    linux = import_extra("adafruit_blinka.microcontroller.generic_linux.i2c", EXTRA)
    lockable = import_extra("adafruit_blinka", EXTRA).Lockable
    return type("LinuxI2C", (linux.I2C, lockable), {})(number)
