from pathlib import Path

import pytest

from edge_runtime.machine import cpu_name


def test_the_cpu_is_named_as_the_kernel_names_it():
    information = Path("/proc/cpuinfo")
    if not information.exists():
        pytest.skip("no /proc here")
    named = [
        line.partition(":")[2].strip()
        for line in information.read_text().splitlines()
        if line.startswith(("model name", "Model"))
    ]
    assert cpu_name()
    assert not named or cpu_name() == named[0]
