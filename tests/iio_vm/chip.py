"""A simulated LSM6DSO in a virtual machine, and the IIO devices of its driver in the kernel.

The kernel module i2c-stub holds its registers in a table.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import subprocess
import time
from pathlib import Path

MODULES = Path("/run/modules")
DEVICES = Path("/sys/bus/iio/devices")
CONFIG = Path("/sys/kernel/config")
ADDRESS = 0x6A
# registers of the LSM6DSO (ST, DS13518)
WHO_AM_I, LSM6DSO = 0x0F, 0x6C
GYRO_OUT, ACC_OUT = 0x22, 0x28  # three little-endian int16 each
# linux/i2c-dev.h and linux/i2c.h
I2C_SLAVE_FORCE, I2C_SMBUS = 0x0706, 0x0720
I2C_SMBUS_WRITE, I2C_SMBUS_BYTE_DATA, I2C_SMBUS_I2C_BLOCK_DATA = 0, 2, 8


class _Data(ctypes.Union):
    _fields_ = [("byte", ctypes.c_uint8), ("block", ctypes.c_uint8 * 34)]


class _Transfer(ctypes.Structure):
    _fields_ = [
        ("direction", ctypes.c_uint8),
        ("register", ctypes.c_uint8),
        ("size", ctypes.c_uint32),
        ("data", ctypes.POINTER(_Data)),
    ]


def load(until):
    """Load the modules in order, up to the named one. Loaded modules are skipped."""
    loaded = {line.split()[0] for line in Path("/proc/modules").read_text().splitlines()}
    for name in (MODULES / "order").read_text().split():
        if name.replace("-", "_") not in loaded:
            parameters = [f"chip_addr={ADDRESS:#x}"] if name == "i2c-stub" else []
            subprocess.run(["insmod", MODULES / f"{name}.ko", *parameters], check=True)
        if name == until:
            return


class Chip:
    """The registers, and the driver that may be bound to them."""

    def __init__(self):
        buses = Path("/sys/bus/i2c/devices").glob("i2c-*")
        self._bus = next(bus for bus in buses if "stub" in (bus / "name").read_text())
        self._file = os.open(f"/dev/{self._bus.name}", os.O_RDWR)
        fcntl.ioctl(self._file, I2C_SLAVE_FORCE, ADDRESS)
        self.plug_in()

    def _write(self, register, size, data):
        fcntl.ioctl(
            self._file, I2C_SMBUS, _Transfer(I2C_SMBUS_WRITE, register, size, ctypes.pointer(data))
        )

    def measure(self, acc, gyro=(0, 0, 0)):
        """Set the raw int16 values that the chip reports from now on."""
        for register, values in ((ACC_OUT, acc), (GYRO_OUT, gyro)):
            data = _Data()
            packed = struct.pack("<3h", *values)
            data.block[: 1 + len(packed)] = bytes([len(packed)]) + packed
            self._write(register, I2C_SMBUS_I2C_BLOCK_DATA, data)

    def plug_in(self):
        """Make the chip answer, and bind the driver to it."""
        self._write(WHO_AM_I, I2C_SMBUS_BYTE_DATA, _Data(byte=LSM6DSO))
        (self._bus / "new_device").write_text(f"lsm6dso {ADDRESS:#x}")
        for _ in range(100):
            if (DEVICES / "iio:device1/name").exists():
                return
            time.sleep(0.05)
        raise AssertionError(f"expected iio:device1 among {list(DEVICES.iterdir())}")

    def unplug(self):
        """Unbind the driver, as when a module or an overlay is removed."""
        (self._bus / "delete_device").write_text(f"{ADDRESS:#x}")

    @staticmethod
    def device(kind):
        """Return the directory of the accelerometer (accel) or the gyroscope (gyro)."""
        return next(
            path for path in DEVICES.glob("iio:device*") if kind in (path / "name").read_text()
        )
