import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.bench.results import (
    SCHEMA,
    BenchResult,
    Live,
    Machine,
    ModelResult,
    Percentiles,
    Speed,
    Start,
    read_result,
    write_result,
)
from edge_runtime.errors import OutputError, SourceError
from edge_runtime.machine import MachineState, Memory

P = Percentiles(1.0, 2.0, 3.0, 4.0)
STATE = MachineState("ondemand", 600.0, 1800.0, 50.5, (), ("under-voltage",), 0.1)
MODEL = ModelResult(
    "a.tflite",
    "a – test",
    6,
    50.0,
    0.32,
    1000,
    "litert 2",
    (Start(1.0, 2.0, 0.5, 3.0, 6.0),),
    (Speed(1, 10, 0, P, P, P, P, 9.0),),
    Live(10.0, 31, 1, 0.004, P),
    Memory(50.0, None),
    None,
)
RESULT = BenchResult(
    SCHEMA,
    "2026-01-01T00:00:00+00:00",
    Machine("CPU", 4, "Linux aarch64", "3.13", "2", "0.1"),
    STATE,
    None,
    (MODEL, dataclasses.replace(MODEL, speeds=(), live=None, memory=None, failure="no")),
)


def test_percentiles_are_those_of_sorted_times():
    times = np.random.default_rng(0).permutation(np.arange(101.0))
    assert Percentiles.of(times.tolist()) == Percentiles(50.0, 90.0, 99.0, 100.0)
    assert Percentiles.of([7.0]) == Percentiles(7.0, 7.0, 7.0, 7.0)


def test_a_result_comes_back_as_it_was(tmp_path):
    write_result(RESULT, tmp_path / "a.json")
    assert read_result(tmp_path / "a.json") == RESULT


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "schema None"),
        (b'{"schema": 2}', "schema 2"),
        (b'{"schema": true}', "lacks the key"),
        (b'{"schema": 1}', "lacks the key 'created'"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_another_file_is_refused(tmp_path, is_sentence, content, named):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(SourceError, match=named) as refusal:
        read_result(tmp_path / "a.json")
    assert is_sentence(str(refusal.value))


def test_a_value_of_another_type_is_named(tmp_path):
    write_result(RESULT, tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    document["models"][0]["live"]["cpu_share"] = "much"
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(SourceError, match="cpu_share is 'much', expected a finite number"):
        read_result(tmp_path / "a.json")


@given(st.binary(max_size=200))
def test_no_content_does_more_than_be_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("result") / "a.json"
    path.write_bytes(content)
    with pytest.raises(SourceError):
        read_result(path)


def test_missing_places_are_named(tmp_path):
    with pytest.raises(SourceError, match="cannot read the result"):
        read_result(tmp_path / "missing.json")
    with pytest.raises(OutputError, match="cannot be written"):
        write_result(RESULT, tmp_path / "missing" / "a.json")
