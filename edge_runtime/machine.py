"""Facts about this machine: processor, memory of a process, and what slows the processor down.

Sources: Linux Documentation/admin-guide/pm/cpufreq.rst and ABI/testing/sysfs-class-thermal;
proc_pid_status(5); the bits of ``vcgencmd get_throttled`` in Raspberry Pi's documentation.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

THROTTLED_BITS = {
    0: "under-voltage",
    1: "clock capped",
    2: "throttled",
    3: "soft temperature limit",
}
SINCE_BOOT_SHIFT = 16  # the same four bits, shifted: it has happened since boot
# How the types of thermal zones near the processor begin, best first.
CPU_ZONES = ("cpu", "x86_pkg_temp", "soc", "acpitz")
VCGENCMD_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Memory:
    """Memory of one process, megabytes (10^6 bytes). None where the system does not tell.

    Attributes:
        resident_mb: now.
        peak_mb: largest so far.
    """

    resident_mb: float | None
    peak_mb: float | None


@dataclass(frozen=True)
class MachineState:
    """The machine at one moment. None where the machine does not tell.

    Attributes:
        governor: policy that chooses the clock.
        clock_mhz: of the first core.
        max_clock_mhz: highest that the governor may choose.
        temperature_c: of the processor, degrees Celsius.
        throttled_now: what slows a Pi down at this moment.
        throttled_before: what has slowed it down since boot.
        load: mean number of runnable tasks over the last minute, this process included.
    """

    governor: str | None
    clock_mhz: float | None
    max_clock_mhz: float | None
    temperature_c: float | None
    throttled_now: tuple[str, ...] | None
    throttled_before: tuple[str, ...] | None
    load: float | None


def cpu_name() -> str:
    """Return the processor's name as the kernel reports it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def read_memory(pid: int | str = "self", root: Path = Path("/")) -> Memory:
    """Return the memory of a process.

    Not from getrusage: its peak counts the memory of the parent, which a process holds between fork
    and exec.

    Args:
        pid: of the process; ``"self"`` is this one.
        root: directory that holds ``proc``.
    """
    status = _read_text(root / f"proc/{pid}/status") or ""
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)

    def megabytes(field: str) -> float | None:
        return int(lines[field].split()[0]) * 1024 / 1e6 if field in lines else None

    return Memory(resident_mb=megabytes("VmRSS"), peak_mb=megabytes("VmHWM"))


def read_state(root: Path = Path("/"), vcgencmd: str | None = None) -> MachineState:
    """Return the machine's state now.

    Args:
        root: directory that holds ``sys`` and ``proc``.
        vcgencmd: path of the Pi's firmware tool; None searches the PATH.
    """
    cpufreq = root / "sys/devices/system/cpu/cpu0/cpufreq"
    throttled = _throttled_bits(vcgencmd or shutil.which("vcgencmd"))
    load = (_read_text(root / "proc/loadavg") or "").partition(" ")[0]
    return MachineState(
        governor=_read_text(cpufreq / "scaling_governor"),
        clock_mhz=_scaled(_read_text(cpufreq / "scaling_cur_freq"), 1e3),
        max_clock_mhz=_scaled(_read_text(cpufreq / "scaling_max_freq"), 1e3),
        temperature_c=processor_temperature_c(root),
        throttled_now=None if throttled is None else _names(throttled),
        throttled_before=None if throttled is None else _names(throttled >> SINCE_BOOT_SHIFT),
        load=_scaled(load, 1),
    )


def processor_temperature_c(root: Path = Path("/")) -> float | None:
    """Return the processor's temperature, degrees Celsius.

    It is that of the thermal zone nearest to the processor, judged by the zone's name. If no name
    tells, it is that of the hottest zone.

    Args:
        root: directory that holds ``sys``.
    """
    zones = []
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        celsius = _scaled(_read_text(zone / "temp"), 1e3)
        if celsius is not None:
            zones.append(((_read_text(zone / "type") or "").lower(), celsius))
    for prefix in CPU_ZONES:
        near = [celsius for zone_type, celsius in zones if zone_type.startswith(prefix)]
        if near:
            return max(near)
    return max((celsius for _, celsius in zones), default=None)


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip("\0 \n") or None
    except OSError:  # missing, or a driver that answers with an error
        return None


def _scaled(text: str | None, divisor: float) -> float | None:
    try:
        value = float(text or "") / divisor
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None  # neither NaN nor infinite


def _throttled_bits(vcgencmd: str | None) -> int | None:
    """Return ``throttled=0x50005`` as a number, or None if the firmware cannot be asked."""
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
    return tuple(name for bit, name in THROTTLED_BITS.items() if bits >> bit & 1)
