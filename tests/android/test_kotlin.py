"""Every Kotlin test, and what would be wrong if it could not fail."""

import json
import shutil
import struct
from pathlib import Path

import pytest

from edge_runtime.bench.results import read_result, show_files

pytestmark = pytest.mark.android
DEMO = Path(__file__).resolve().parents[2] / "android_demo"
TESTS = sorted(path.stem for path in DEMO.glob("*/src/test/**/*Test.kt"))


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def outcomes(jvm, golden, reports):
    return jvm.junit(golden, reports)


@pytest.mark.parametrize("test_class", TESTS)
def test_kotlin(outcomes, test_class):
    mine = [outcome for outcome in outcomes if outcome.test_class == test_class]
    assert mine, f"no test of {test_class} ran"
    assert [outcome.name for outcome in mine if outcome.failed] == []


def test_a_phone_s_benchmark_reads_as_that_of_a_computer(outcomes, reports):
    result = read_result(reports / "bench.json")
    assert [model.failure for model in result.models] == [None, "the GPU refused it"]
    (speed,) = result.models[0].speeds
    assert speed.decisions == 30 and 0 < speed.total.p50_us <= speed.total.max_us
    assert any("a phone" in line for line in show_files(("here", "there"), (result, result)))


def test_a_corrupted_golden_value_fails(jvm, golden, tmp_path):
    """One value of every expected array is changed; the test of that very array must notice, whichever it is."""
    corrupted = tmp_path / "golden"
    shutil.copytree(golden, corrupted)
    changed = {_corrupt(path) for path in corrupted.rglob("*.?64") if _is_expected(path)}
    outcomes = jvm.junit(corrupted, tmp_path / "reports", "--include-classname", ".*GoldenTest")
    assert len(changed) > 40
    assert {outcome.name for outcome in outcomes if outcome.failed} == changed
    assert [outcome.name for outcome in outcomes if not outcome.failed] == []


def _is_expected(path):
    return not path.stem.endswith("_in") and path.stem not in (
        "windows",
        "channels",
        "blocks",
        "classes",
    )


def _corrupt(path):
    """Change the value in the middle a little more than is allowed; gives the test's name."""
    kind = "<d" if path.suffix == ".f64" else "<q"
    content = bytearray(path.read_bytes())
    at = len(content) // 16 * 8
    (value,) = struct.unpack_from(kind, content, at)
    struct.pack_into(
        kind, content, at, value + max(1, abs(value)) * 2e-4 if kind == "<d" else 1 - value
    )
    path.write_bytes(content)
    return json.dumps([path.parent.name, path.stem])[2:-2].replace('", "', ": ")
