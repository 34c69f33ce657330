"""Runs every Kotlin test, and checks that those on the golden files can fail."""

import json

import pytest

from edge_runtime.bench.results import read_result, show_files

from ..test_golden import corrupt
from .test_house_rules import APP, ROOT

pytestmark = pytest.mark.android
TESTS = sorted(path.stem for path in APP.glob("*/src/test/**/*Test.kt"))
# Kotlin has no polyphase resampler and no front end.
KINDS = (
    "contract",
    "decisions",
    "gaps",
    "heads",
    "merging",
    "model_file",
    "nuisances",
    "resampling",
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def outcomes(jvm, golden, reports, litert_library):
    return jvm.junit(reports, golden=golden, litert=litert_library)


@pytest.mark.parametrize("test_class", TESTS)
def test_kotlin(outcomes, test_class):
    ours = [outcome for outcome in outcomes if outcome.test_class == test_class]
    assert ours, f"no test of {test_class} ran"
    assert [outcome.name for outcome in ours if outcome.failed or outcome.skipped] == []


def test_a_phone_s_benchmark_can_be_compared_with_a_computer_s(outcomes, reports):
    result = read_result(reports / "bench.json")
    assert [model.failure for model in result.models] == [None, "the GPU refused it"]
    (speed,) = result.models[0].speeds
    assert speed.decisions == 30 and 0 < speed.total.p50_us <= speed.total.max_us
    assert any("a phone" in line for line in show_files(("here", "there"), (result, result)))


def test_each_answer_that_is_changed_fails_its_test(jvm, golden, tmp_path):
    """Every answer is changed a little; each test must notice, and no other may run."""
    changed = tmp_path / "changed" / "golden"
    changed.mkdir(parents=True)
    (changed.parent / "android_demo").symlink_to(ROOT / "android_demo")
    names = set()
    for kind in KINDS:
        document = json.loads((golden / f"{kind}.json").read_text())
        for case, content in document["cases"].items():
            for answer in answers_for_kotlin(content["answers"]):
                content["answers"][answer] = corrupt(content["answers"][answer])
                names.add(f"{kind}, {case}: {answer}")
        (changed / f"{kind}.json").write_text(json.dumps(document))
    outcomes = jvm.junit(
        tmp_path / "reports", "--include-classname", ".*GoldenTest", golden=changed
    )
    assert len(names) > 400
    assert {outcome.name for outcome in outcomes if outcome.failed} == names
    assert [outcome.name for outcome in outcomes if not outcome.failed] == []


def answers_for_kotlin(answers):
    ignored = {"accepted_by_javascript"}
    if "accepted_by_kotlin" in answers:
        ignored.add("accepted")
    return [name for name in answers if name not in ignored and not name.startswith("polyphase_")]
