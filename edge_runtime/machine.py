"""This machine: its processor, memory in use, and what slows it down (clock, temperature, throttling, load).

Sources: Linux Documentation/admin-guide/pm/cpufreq.rst and ABI/testing/sysfs-class-thermal; the
bits of ``vcgencmd get_throttled`` as Raspberry Pi's documentation lists them.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

NOW_BITS = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}
SINCE_BOOT = 16  # the same four, shifted: it happened since the machine was started
CPU_ZONES = (
    "cpu",
    "x86_pkg_temp",
    "soc",
    "acpitz",
)  # how types of thermal zones near the processor begin, best first
VCGENCMD_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class MachineState:
    """A moment; None is what the machine does not tell.

    Attributes:
        governor: who chooses the clock.
        clock_mhz: of the first core.
        max_clock_mhz: highest that the governor may choose.
        temperature_c: of the processor, degrees Celsius.
        throttled_now: what holds a Pi back at this moment.
        throttled_before: what has held it back since it was started.
        load: mean number of tasks that wanted a core in the last minute, this benchmark's included.
    """

    governor: str | None
    clock_mhz: float | None
    max_clock_mhz: float | None
    temperature_c: float | None
    throttled_now: tuple[str, ...] | None
    throttled_before: tuple[str, ...] | None
    load: float | None


def read_state(root: Path = Path("/"), vcgencmd: str | None = None) -> MachineState:
    """The machine's state now.

    Args:
        root: where ``sys`` and ``proc`` lie.
        vcgencmd: the Pi's firmware tool; None looks for it on the path.
    """
    frequency = root / "sys/devices/system/cpu/cpu0/cpufreq"
    bits = _throttled_bits(vcgencmd or shutil.which("vcgencmd"))
    load = (_text(root / "proc/loadavg") or "").partition(" ")[0]
    return MachineState(
        governor=_text(frequency / "scaling_governor"),
        clock_mhz=_scaled(_text(frequency / "scaling_cur_freq"), 1e3),
        max_clock_mhz=_scaled(_text(frequency / "scaling_max_freq"), 1e3),
        temperature_c=processor_temperature_c(root),
        throttled_now=None if bits is None else _names(bits),
        throttled_before=None if bits is None else _names(bits >> SINCE_BOOT),
        load=_scaled(load, 1),
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip("\0 \n") or None
    except OSError:  # not there, or a driver that answers with an error
        return None


def _scaled(text: str | None, divisor: float) -> float | None:
    try:
        value = float(text or "") / divisor
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None  # neither NaN nor infinite


def processor_temperature_c(root: Path = Path("/")) -> float | None:
    """Of the zone nearest to the processor, degrees Celsius; of the hottest when no name says which that is.

    Args:
        root: where ``sys`` lies.
    """
    zones = [
        (_text(zone / "type") or "", _scaled(_text(zone / "temp"), 1e3))
        for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*"))
    ]
    known = [(kind, celsius) for kind, celsius in zones if celsius is not None]
    for name in CPU_ZONES:
        near = [celsius for kind, celsius in known if kind.lower().startswith(name)]
        if near:
            return max(near)
    return max((celsius for _, celsius in known), default=None)


def _throttled_bits(vcgencmd: str | None) -> int | None:
    """``throttled=0x50005`` as a number; None without the tool, or without leave to ask the firmware."""
    if vcgencmd is None:
        return None
    try:
        result = subprocess.run(
            [os.fspath(vcgencmd), "get_throttled"],
            capture_output=True,
            text=True,
            timeout=VCGENCMD_TIMEOUT_S,
            check=False,
        )
        name, _, number = result.stdout.strip().partition("=")
        return int(number, 16) if name == "throttled" else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def _names(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in NOW_BITS.items() if bits >> bit & 1)


def cpu_name() -> str:
    """As the kernel tells it."""
    information = Path("/proc/cpuinfo")
    for line in information.read_text().splitlines() if information.exists() else ():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
