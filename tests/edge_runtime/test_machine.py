import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.machine import MachineState, Memory, cpu_name, read_memory, read_state


@pytest.fixture
def root(tmp_path):
    """Write a file below a directory that stands for /; returns that directory."""

    def write(path, content):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return tmp_path

    write.path = tmp_path
    return write


@pytest.fixture
def vcgencmd(tmp_path):
    """Make a fake of the Pi's firmware tool that answers get_throttled, and nothing else."""

    def make(answer, code=0):
        tool = tmp_path / "vcgencmd"
        tool.write_text(
            f'#!/bin/sh\n[ "$*" = get_throttled ] && printf "{answer}\\n"\nexit {code}\n'
        )
        tool.chmod(0o755)
        return os.fspath(tool)

    return make


def make_pi(root):
    frequency = "sys/devices/system/cpu/cpu0/cpufreq/"
    root(frequency + "scaling_governor", "ondemand\n")
    root(frequency + "scaling_cur_freq", "600000\n")
    root(frequency + "scaling_max_freq", "1800000\n")
    root("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    root("sys/class/thermal/thermal_zone0/temp", "48686\n")
    return root("proc/loadavg", "0.52 0.58 0.59 1/597 12345\n")


def test_state_of_a_raspberry_pi(root, vcgencmd):
    assert read_state(make_pi(root), vcgencmd("throttled=0x50004")) == MachineState(
        "ondemand", 600, 1800, 48.686, ("throttled",), ("under-voltage", "throttled"), 0.52
    )


def test_state_is_none_where_the_machine_does_not_tell(root, tmp_path):
    nothing = os.fspath(tmp_path / "missing")
    assert read_state(root.path, nothing) == MachineState(None, None, None, None, None, None, None)


@pytest.mark.parametrize(
    ("answer", "now", "before"),
    [
        ("throttled=0x0", (), ()),
        ("throttled=0x1", ("under-voltage",), ()),
        ("throttled=0x2", ("clock capped",), ()),
        ("throttled=0x8", ("soft temperature limit",), ()),
        ("throttled=0x20000", (), ("clock capped",)),
        (
            "throttled=0xf000f",
            ("under-voltage", "clock capped", "throttled", "soft temperature limit"),
            ("under-voltage", "clock capped", "throttled", "soft temperature limit"),
        ),
        ("VCHI initialization failed", None, None),
        ("throttled=", None, None),
        ("", None, None),
    ],
)
def test_throttling_reported_by_the_firmware(root, vcgencmd, answer, now, before):
    state = read_state(root.path, vcgencmd(answer))
    assert (state.throttled_now, state.throttled_before) == (now, before)


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ({"acpitz": 20_000, "x86_pkg_temp": 71_500, "iwlwifi_1": 90_000}, 71.5),
        ({"iwlwifi_1": 40_000, "nvme": 55_000}, 55.0),
        ({"cpu0-thermal": 60_000, "cpu1-thermal": 61_000, "gpu-thermal": 80_000}, 61.0),
        ({"cpu-thermal": -5_000}, -5.0),
    ],
)
def test_temperature_is_that_of_the_zone_nearest_to_the_processor(root, tmp_path, zones, expected):
    for i, (kind, millidegrees) in enumerate(zones.items()):
        root(f"sys/class/thermal/thermal_zone{i}/type", kind + "\n")
        root(f"sys/class/thermal/thermal_zone{i}/temp", f"{millidegrees}\n")
    assert read_state(root.path, os.fspath(tmp_path / "missing")).temperature_c == expected


def test_a_thermal_zone_that_cannot_be_read_is_ignored(root, tmp_path):
    root("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    # reading a directory is an error, as with a sleeping sensor
    (root.path / "sys/class/thermal/thermal_zone0/temp").mkdir()
    root("sys/class/thermal/thermal_zone1/type", "nvme\n")
    root("sys/class/thermal/thermal_zone1/temp", "41000\n")
    assert read_state(root.path, os.fspath(tmp_path / "missing")).temperature_c == 41.0


def test_memory_is_in_megabytes_of_a_million_bytes(root):
    status = "Name:\tpython\nVmHWM:\t   60000 kB\nVmRSS:\t   50000 kB\n"
    assert read_memory(root=root("proc/self/status", status)) == Memory(51.2, 61.44)
    assert read_memory(123, root("proc/123/status", status)) == Memory(51.2, 61.44)


def test_memory_is_none_where_the_system_does_not_tell(root):
    assert read_memory(root=root.path) == Memory(None, None)
    assert read_memory(root=root("proc/self/status", "Name:\tpython\n")) == Memory(None, None)


def test_memory_of_this_process():
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")
    assert read_memory().resident_mb <= read_memory(os.getpid()).peak_mb


def test_the_cpu_has_the_name_that_the_kernel_gives():
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        pytest.skip("no /proc here")
    names = [
        line.partition(":")[2].strip()
        for line in cpuinfo.read_text().splitlines()
        if line.startswith(("model name", "Model"))
    ]
    assert cpu_name()
    assert not names or cpu_name() == names[0]


@given(st.binary(max_size=40))
def test_state_survives_any_file_content(tmp_path_factory, content):
    root = tmp_path_factory.mktemp("root")
    for name in (
        "proc/loadavg",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
        "sys/class/thermal/thermal_zone0/temp",
        "sys/class/thermal/thermal_zone0/type",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    state = read_state(root, os.fspath(root / "missing"))
    for value in (state.load, state.clock_mhz, state.temperature_c):
        assert value is None or abs(value) < 1e9
