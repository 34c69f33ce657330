"""Python's answers against the golden files, which Kotlin and JavaScript run too.

What ``golden/remake.py`` makes today must be what is committed: the inputs to the last bit, the
answers within the tolerances that each file states. So a change of Python's behaviour is noticed.
"""

import copy
import importlib.util
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "golden"
KINDS = sorted(path.stem for path in FOLDER.glob("*.json"))
MAX_BYTES = 400 * 1024


@pytest.fixture(scope="module")
def remake():
    spec = importlib.util.spec_from_file_location("golden_remake", FOLDER / "remake.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def make(remake):
    """What Python answers today, made once for each kind."""
    made = {}

    def call(kind):
        if kind not in made:
            made[kind] = json.loads(json.dumps(remake.make(kind)))
        return made[kind]

    return call


def committed(kind):
    return json.loads((FOLDER / f"{kind}.json").read_text())


def differences(made, expected):
    """Names of the answers that are not those expected: "CASE: ANSWER"."""
    return [
        f"{name}: {answer}"
        for name, case in expected["cases"].items()
        for answer, value in case["answers"].items()
        if not is_close(
            made["cases"][name]["answers"][answer], value, expected["tolerances"].get(answer, 0)
        )
    ]


def is_close(made, expected, tolerance):
    """Whether two documents are equal; numbers may differ by ``tolerance``, relative above 1."""
    if isinstance(expected, dict):
        return made.keys() == expected.keys() and all(
            is_close(made[key], expected[key], tolerance) for key in expected
        )
    if isinstance(expected, list):
        return len(made) == len(expected) and all(
            is_close(a, b, tolerance) for a, b in zip(made, expected, strict=True)
        )
    if isinstance(expected, float) and isinstance(made, float):
        return abs(made - expected) <= tolerance * max(1.0, abs(expected))
    return type(made) is type(expected) and made == expected


def test_every_kind_has_its_file(remake):
    assert sorted(remake.KINDS) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_the_inputs_are_those_committed(make, kind):
    made = make(kind)
    expected = committed(kind)
    assert made["cases"].keys() == expected["cases"].keys()
    for name in expected["cases"]:
        assert made["cases"][name]["given"] == expected["cases"][name]["given"], name
    assert _without_cases(made) == _without_cases(expected)


def _without_cases(document):
    return {key: value for key, value in document.items() if key != "cases"}


@pytest.mark.parametrize("kind", KINDS)
def test_python_gives_the_committed_answers(make, kind):
    assert differences(make(kind), committed(kind)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_answer_that_is_changed_is_noticed(make, kind):
    expected = committed(kind)
    changed = copy.deepcopy(expected)
    names = []
    for name, case in changed["cases"].items():
        for answer, value in case["answers"].items():
            case["answers"][answer] = corrupt(value)
            names.append(f"{name}: {answer}")
    assert differences(make(kind), changed) == names


def corrupt(value):
    """The same with the value in the middle changed a little more than is tolerated."""
    if isinstance(value, (list, dict)) and len(value):
        changed = copy.copy(value)
        keys = list(value) if isinstance(value, dict) else range(len(value))
        middle = keys[len(value) // 2]
        changed[middle] = corrupt(value[middle])
        return changed
    if isinstance(value, float):
        return value + 2e-4 * max(1.0, abs(value))
    if isinstance(value, (list, dict)):
        return [0]
    if value is None:
        return "x"
    return not value if isinstance(value, bool) else value + type(value)("1")


def test_the_files_are_written_as_remake_writes_them(remake):
    for kind in KINDS:
        text = (FOLDER / f"{kind}.json").read_text()
        assert remake.to_text(json.loads(text)) + "\n" == text


def test_the_readme_names_every_file_and_the_folder_stays_small():
    readme = (FOLDER / "README.md").read_text()
    files = {path.name for path in FOLDER.iterdir() if path.is_file()}
    assert set(re.findall(r"`([a-z_]+\.(?:json|py))`", readme)) == files - {"README.md"}
    assert sum((FOLDER / name).stat().st_size for name in files) <= MAX_BYTES
