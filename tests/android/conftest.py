"""The Kotlin code on the JVM: what ``.ci/android/test`` built, and golden vectors for it out of edge_runtime."""

import importlib.util
import os
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

CLASS_PATH = (
    "IMG2IMU_ANDROID_CLASS_PATH"  # set by .ci/android/test; the tests' own jar comes first
)


@dataclass(frozen=True)
class Outcome:
    """What JUnit says about one test."""

    test_class: str
    name: str
    failed: bool


class Jvm:
    """Runs classes of what was built, each in a process of its own."""

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

    def junit(self, golden, reports, *arguments):
        """The outcome of every test."""
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
            golden=golden,
            out=reports,
        )
        report = reports / "TEST-junit-jupiter.xml"
        assert report.exists(), result.stdout + result.stderr
        return [
            Outcome(
                case.get("classname", "").rpartition(".")[2],
                _name(case),
                case.find("failure") is not None or case.find("error") is not None,
            )
            for case in ElementTree.parse(report).iter("testcase")
        ]


def _name(case):
    """A dynamic test's name stands in the output that goes with it."""
    for line in case.findtext("system-out", "").splitlines():
        if line.startswith("display-name: "):
            return line.removeprefix("display-name: ")
    return case.get("name", "")


@pytest.fixture(scope="session")
def jvm():
    """The built Kotlin code."""
    class_path = os.environ.get(CLASS_PATH)
    if class_path is None:
        pytest.skip("the Kotlin code is not built: make test-android")
    return Jvm(class_path)


@pytest.fixture(scope="session")
def litert_library():
    """LiteRT's C library, which its Python package carries."""
    spec = importlib.util.find_spec("ai_edge_litert")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("libLiteRt.so")


@pytest.fixture(scope="session")
def golden(tmp_path_factory):
    """A folder with every case of golden vectors."""
    spec = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("golden")
    module.write_golden(folder)
    return folder
