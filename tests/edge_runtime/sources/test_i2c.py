import math
import struct
from collections import deque

import numpy as np
import pytest

pytest.importorskip("adafruit_blinka")

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source
from edge_runtime.sources.i2c import DRIVERS, I2cSource

G = 9.80665


class Bus:
    """An I2C bus as CircuitPython's drivers use it, with one chip on it."""

    def __init__(self, address, chip):
        self.address, self.chip = address, chip
        self.plugged = True

    def try_lock(self):
        return True

    def unlock(self):
        pass

    def writeto(self, address, buffer, *, start=0, end=None, stop=True):
        self._answers(address)
        self.chip.write(bytes(buffer[start:end]))

    def readfrom_into(self, address, buffer, *, start=0, end=None, stop=True):
        self._answers(address)
        end = len(buffer) if end is None else end
        buffer[start:end] = self.chip.read(end - start)

    def writeto_then_readfrom(
        self, address, out, into, *, out_start=0, out_end=None, in_start=0, in_end=None, stop=False
    ):
        self.writeto(address, out, start=out_start, end=out_end)
        self.readfrom_into(address, into, start=in_start, end=in_end)

    def _answers(self, address):
        if not self.plugged or address != self.address:
            raise OSError(121, "Remote I/O error")


class Chip:
    """A chip with registers, read and written in sequence from an address. Resets end at once.

    Args:
        registers: initial contents.
        reset: register and bit that start a reset.
        bank: register that selects a register file, or None.
    """

    def __init__(self, registers, reset, bank=None):
        self.files = {0: bytearray(256)}
        for register, data in registers.items():
            self.files[0][register : register + len(data)] = data
        self.reset, self.bank_register, self.bank, self.pointer = reset, bank, 0, 0

    def write(self, data):
        if not data:
            return
        self.pointer = data[0]
        for value in data[1:]:
            if self.pointer == self.bank_register:
                self.bank = value
            elif self.pointer == self.reset[0] and self.bank == 0:
                value &= ~(1 << self.reset[1])
            self.file[self.pointer] = value
            self.pointer += 1

    def read(self, n):
        data = self.file[self.pointer : self.pointer + n]
        self.pointer += n
        return data

    @property
    def file(self):
        return self.files.setdefault(self.bank, bytearray(256))


def lsm6dsox(acc, gyro):
    return Chip(
        {0x0F: b"\x6c", 0x22: struct.pack("<3h", *gyro), 0x28: struct.pack("<3h", *acc)}, (0x12, 0)
    )


def mpu6050(acc, gyro):
    return Chip(
        {0x75: b"\x68", 0x3B: struct.pack(">3h", *acc), 0x43: struct.pack(">3h", *gyro)}, (0x6B, 7)
    )


def icm20948(acc, gyro):
    return Chip(
        {0x00: b"\xea", 0x2D: struct.pack(">3h", *acc), 0x33: struct.pack(">3h", *gyro)},
        (0x06, 7),
        0x7F,
    )


class Bno08x:
    """The sensor hub: packets of length, channel, number, then reports.

    See 1.3.1 and 6.5 of the BNO08X datasheet.
    """

    def __init__(self, acc, gyro):
        self.packets = deque()
        self.reports = {1: struct.pack("<3h", *acc), 2: struct.pack("<3h", *gyro)}
        self.intervals = {}

    def write(self, data):
        if len(data) < 5:
            return
        channel, body = data[2], data[4:]
        if channel == 1 and body[0] == 1:  # reset
            self.send(0, bytes(20))
            self.send(1, b"\x01")
        elif channel == 2 and body[0] == 0xF9:  # who are you
            self.send(2, struct.pack("<BBBBIIHH", 0xF8, 1, 3, 2, 10003608, 1, 0, 0))
        elif channel == 2 and body[0] == 0xFD:  # set the report interval
            self.intervals[body[1]] = struct.unpack_from("<I", body, 5)[0]
            self.send(2, b"\xfc" + body[1:17])

    def send(self, channel, body):
        self.packets.append(struct.pack("<HBB", len(body) + 4, channel, 0) + body)

    def read(self, n):
        if not self.packets and len(self.intervals) == 2:
            for report, values in self.reports.items():
                self.send(3, b"\xfb" + bytes(4) + bytes([report, 0, 3, 0]) + values)
            self.send(3, b"")  # an empty packet ends the reports
        packet = self.packets[0] if self.packets else bytes(4)
        if n >= len(packet) or len(packet) == 4:
            self.packets = deque(list(self.packets)[1:])
        return packet[:n].ljust(n, b"\x00")


# Name to the chip, and to a count's value in m/s^2 at 8 g and in rad/s at 1000 degrees per second.
CHIPS = {
    "lsm6dsox": (lsm6dsox, 0.244e-3 * G, math.radians(0.035)),
    "mpu6050": (mpu6050, G / 4096, math.radians(1 / 32.8)),
    "icm20948": (icm20948, G / 4096, math.radians(1 / 32.8)),
    "bno08x": (Bno08x, 2.0**-8, 2.0**-9),
}
ACC, GYRO = (1000, -2000, 4096), (-3, 700, 32767)


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.slow) if name == "icm20948" else name for name in CHIPS
    ]
)
def plugged(request):
    """The name of a chip, its bus, and the six values expected."""
    make, acc_scale, gyro_scale = CHIPS[request.param]
    bus = Bus(DRIVERS[request.param].address, make(ACC, GYRO))
    return (
        request.param,
        bus,
        [*(value * acc_scale for value in ACC), *(value * gyro_scale for value in GYRO)],
    )


def test_adafruits_drivers_give_si_units(plugged, heard, receive):
    name, bus, expected = plugged
    source = heard(I2cSource(name, CHANNELS, 100.0, open_bus=lambda number: bus))
    chunk = receive(source, lambda c: len(c.samples) >= 20)
    # The drivers round their constants.
    np.testing.assert_allclose(chunk.samples[-1], expected, rtol=2e-3)
    assert (np.diff(chunk.timestamps_s) > 0).all()
    if name == "bno08x":
        assert bus.chip.intervals == {1: 10_000, 2: 10_000}


def test_channels_are_in_the_requested_order(receive):
    bus = Bus(0x68, mpu6050(ACC, GYRO))
    chunk = receive(
        I2cSource("mpu6050", ("gyro_y", "acc_z"), 200.0, open_bus=lambda number: bus),
        lambda c: len(c.samples) >= 3,
    )
    np.testing.assert_allclose(chunk.samples[0], [math.radians(700 / 32.8), G], rtol=2e-3)


@pytest.mark.slow
def test_the_sensor_is_set_to_the_next_rate_above(receive):
    chip = lsm6dsox(ACC, GYRO)
    receive(
        I2cSource("lsm6dsox", CHANNELS, 50.0, open_bus=lambda _: Bus(0x6A, chip)),
        lambda c: len(c.samples) >= 1,
    )
    assert chip.file[0x10] >> 4 == chip.file[0x11] >> 4 == 3  # 52 Hz
    chip = mpu6050(ACC, GYRO)
    receive(
        I2cSource("mpu6050", CHANNELS, 60.0, open_bus=lambda _: Bus(0x68, chip)),
        lambda c: len(c.samples) >= 1,
    )
    assert 1000 / (1 + chip.file[0x19]) == pytest.approx(62.5)
    chip = icm20948(ACC, GYRO)
    receive(
        I2cSource("icm20948", CHANNELS, 60.0, open_bus=lambda _: Bus(0x69, chip)),
        lambda c: len(c.samples) >= 1,
    )
    bank = chip.files[0x20]
    assert 1125 / (1 + int.from_bytes(bank[0x10:0x12], "big")) == pytest.approx(62.5)
    assert 1100 / (1 + bank[0x00]) == pytest.approx(1100 / 18)


def test_a_loose_wire_that_is_reconnected(heard, receive):
    bus = Bus(0x68, mpu6050(ACC, GYRO))
    source = heard(I2cSource("mpu6050", CHANNELS, 100.0, open_bus=lambda number: bus))

    def until(chunk):
        if len(chunk.samples) == 5:
            bus.plugged = False
        bus.plugged = bus.plugged or bool(source.notes.counts)
        return len(chunk.samples) > 10

    receive(source, until)
    assert (
        "mpu6050 at 0x68 of I2C bus 1 does not answer as expected ([Errno 121] Remote I/O error)"
        in source.notes.said[0]
    )
    assert source.notes.counts["lost connection"] == 1


@pytest.mark.parametrize(
    ("name", "bus", "message"),
    [
        (
            "mpu6050",
            Bus(0x50, mpu6050(ACC, GYRO)),
            r"mpu6050 at 0x68 of I2C bus 1 does not answer.*No I2C device",
        ),
        ("mpu6050", Bus(0x68, Chip({}, (0, 0))), "Failed to find MPU6050 - check your wiring"),
    ],
)
def test_no_chip_or_another_chip(name, bus, message):
    with pytest.raises(SourceError, match=message):
        next(iter(I2cSource(name, CHANNELS, open_bus=lambda number: bus)))


def test_a_missing_bus():
    with pytest.raises(
        SourceError,
        match=r"there is no /dev/i2c-250: switch it on with sudo raspi-config nonint do_i2c 0",
    ):
        next(iter(open_source("i2c:lsm6dsox?bus=250", CHANNELS)))


def test_no_permission():
    def refuse(number):
        raise PermissionError(13, "Permission denied")

    with pytest.raises(
        SourceError, match=r"/dev/i2c-1 may not be used by this user: sudo usermod -aG i2c \$USER"
    ):
        next(iter(I2cSource("mpu6050", CHANNELS, open_bus=refuse)))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "names nothing"),
        ("adxl345", "no driver for 'adxl345', expected one of lsm6ds3,"),
        ("mpu6050?address=104", "expected one from 0x08 to 0x77"),
        ("mpu6050?bus=x", "whole number"),
        ("mpu6050?rate_hz=1000", "expected at most 400"),
    ],
)
def test_invalid_uris_are_refused(rest, message):
    with pytest.raises(SourceError, match=message):
        open_source(f"i2c:{rest}", CHANNELS)
