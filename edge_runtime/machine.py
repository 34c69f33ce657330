"""The machine that figures were measured on."""

from __future__ import annotations

import platform
from pathlib import Path


def cpu_name() -> str:
    """As the kernel tells it."""
    information = Path("/proc/cpuinfo")
    for line in information.read_text().splitlines() if information.exists() else ():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
