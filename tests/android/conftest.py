"""The Kotlin code on the JVM: what ``.ci/android/test`` compiled, and the golden files for it."""

import importlib.util
import os
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

# Set by .ci/android/test; the jar with the tests comes first.
CLASS_PATH = "IMG2IMU_ANDROID_CLASS_PATH"


@dataclass(frozen=True)
class Outcome:
    """What JUnit reports about one test."""

    test_class: str
    name: str
    failed: bool
    skipped: bool


class Jvm:
    """Runs compiled classes, each in a process of its own."""

    def __init__(self, class_path):
        self._class_path = class_path

    def run(self, main, *arguments, **properties):
        settings = [f"-D{name}={value}" for name, value in properties.items()]
        command = [
            "java",
            "-XX:+UseSerialGC",
            *settings,
            "-cp",
            self._class_path,
            main,
            *map(str, arguments),
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    def junit(self, reports, *arguments, **properties):
        """Run the tests; ``properties`` are Java's system properties. Returns every outcome."""
        tests = self._class_path.partition(os.pathsep)[0]
        result = self.run(
            "org.junit.platform.console.ConsoleLauncher",
            "--scan-classpath",
            tests,
            "--details",
            "none",
            "--reports-dir",
            reports,
            *arguments,
            out=reports,
            **properties,
        )
        report = reports / "TEST-junit-jupiter.xml"
        assert report.exists(), result.stdout + result.stderr
        return [
            Outcome(
                test_class=case.get("classname", "").rpartition(".")[2],
                name=_name(case),
                failed=case.find("failure") is not None or case.find("error") is not None,
                skipped=case.find("skipped") is not None,
            )
            for case in ElementTree.parse(report).iter("testcase")
        ]


def _name(case):
    """Return a test's name; a dynamic test has it in the output."""
    for line in case.findtext("system-out", "").splitlines():
        if line.startswith("display-name: "):
            return line.removeprefix("display-name: ")
    return case.get("name", "")


@pytest.fixture(scope="session")
def jvm():
    """The compiled Kotlin code."""
    class_path = os.environ.get(CLASS_PATH)
    if class_path is None:
        pytest.skip("the Kotlin code is not compiled: make test-android")
    return Jvm(class_path)


@pytest.fixture(scope="session")
def litert_library():
    """LiteRT's C library, a part of its Python package."""
    spec = importlib.util.find_spec("ai_edge_litert")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("libLiteRt.so")


@pytest.fixture(scope="session")
def golden():
    """The folder with the golden files."""
    return Path(__file__).resolve().parents[2] / "golden"
