"""What packaging/ holds for a Linux machine: the systemd unit and the udev rule."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from img2imu.cli import _parser

PACKAGING = Path(__file__).resolve().parents[1] / "packaging"
UNIT = PACKAGING / "img2imu.service"
PAGE = PACKAGING.parent / "docs/raspberry-pi.md"
# what systemd before 254 does not know yet; it says so and goes on
NEW_KEYS = re.compile(
    r".*Unknown key (name )?'Restart(Steps|MaxDelaySec)'.* in section .*Service.*, ignoring\."
)


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that exists here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/img2imu/bin/img2imu", sys.executable))
    return path


def analyze(*arguments):
    result = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60
    )
    return result.returncode, [
        line for line in result.stderr.splitlines() if not NEW_KEYS.fullmatch(line)
    ]


def test_systemd_has_nothing_to_say_against_the_unit(unit):
    assert analyze("verify", unit) == (0, [])


def test_a_mistake_in_the_unit_would_be_seen(unit):
    unit.write_text(unit.read_text().replace("Restart=on-failure", "Restart=often"))
    assert any("often" in line for line in analyze("verify", unit)[1])


def test_the_service_is_well_locked_in(unit):
    """From 0 (safe) to 10; systemd calls 2 and more OK, 5 and more medium."""
    code, said = analyze("security", "--offline=true", "--threshold=25", unit)
    assert (code, said) == (0, [])


def test_the_arguments_that_are_shown_are_understood():
    shown = [
        line
        for path in (UNIT, PAGE)
        for line in re.findall(r"ARGUMENTS=([^'\n]*)", path.read_text())
    ]
    assert len(shown) >= 2
    for line in shown:
        words = ["run", *shlex.split(line)]
        parsed = _parser(words).parse_args(words)
        assert parsed.model.startswith("/opt/img2imu/") and parsed.source


def test_the_rule_is_for_the_group_of_the_service():
    (rule,) = [
        line
        for line in (PACKAGING / "99-img2imu.rules").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert rule.startswith('SUBSYSTEM=="iio", GROUP="plugdev", MODE="0660", RUN+="')
    assert "plugdev" in re.search("SupplementaryGroups=(.*)", UNIT.read_text())[1].split()
