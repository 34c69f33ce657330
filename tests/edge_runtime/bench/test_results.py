import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.bench.results import (
    SCHEMA,
    BenchResult,
    LiveCost,
    Machine,
    ModelResult,
    Percentiles,
    Speed,
    Start,
    doubts,
    explain,
    read_result,
    show_comparison,
    show_files,
    show_machine,
    show_model,
    write_result,
)
from edge_runtime.errors import OutputError, SourceError
from edge_runtime.machine import MachineState, Memory


def p(us):
    return Percentiles(us, 2 * us, 3 * us, 4 * us)


CALM = MachineState("performance", 1800.0, 1800.0, 50.0, (), (), 0.1)
MACHINE = Machine("A CPU", 4, "Linux aarch64", "3.13.0", "2.3", "0.1.0")
MODEL = ModelResult(
    file="a.tflite",
    name="exercises – test",
    channels=6,
    rate_hz=50.0,
    hop_s=0.32,
    size_bytes=2048,
    runtime="litert 2",
    starts=tuple(Start(200.0, 10.0, 1.0, 5.0, total) for total in (210.0, 215.0, 900.0)),
    speeds=(
        Speed(1, 1000, 0, p(600.0), p(500.0), p(100.0), p(1200.0), 1000.0),
        Speed(2, 900, 0, p(600.0), p(700.0), p(100.0), p(1400.0), 2000.0),
    ),
    live=LiveCost(10.0, 31, 0, 0.004, p(1500.0)),
    memory=Memory(50.04, 52.0),
)
UNMEASURED = ModelResult("a.tflite", "exercises", 6, 50.0, 0.32, 2048)


def bench_result(*models, machine=MACHINE):
    return BenchResult(SCHEMA, "2026-01-01T00:00:00+00:00", machine, CALM, CALM, models)


def test_percentiles_are_those_of_sorted_times():
    times = np.random.default_rng(0).permutation(np.arange(101.0))
    assert Percentiles.of(times.tolist()) == Percentiles(50.0, 90.0, 99.0, 100.0)
    assert Percentiles.of([7.0]) == Percentiles(7.0, 7.0, 7.0, 7.0)


# ---- the JSON file

RESULT = dataclasses.replace(
    bench_result(
        dataclasses.replace(MODEL, memory=Memory(50.0, None)),
        dataclasses.replace(MODEL, speeds=(), live=None, memory=None, failure="no"),
    ),
    before=MachineState("ondemand", 600.0, 1800.0, 50.5, (), ("under-voltage",), 0.1),
    after=None,
)


def test_a_result_is_read_as_it_was_written(tmp_path):
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
def test_any_content_is_refused_with_a_source_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("result") / "a.json"
    path.write_bytes(content)
    with pytest.raises(SourceError):
        read_result(path)


def test_places_that_cannot_be_read_or_written_are_named(tmp_path):
    with pytest.raises(SourceError, match="cannot read the result"):
        read_result(tmp_path / "missing.json")
    with pytest.raises(OutputError, match="cannot be written"):
        write_result(RESULT, tmp_path / "missing" / "a.json")


# ---- one model


def test_the_share_of_a_core_says_how_many_models_would_fit():
    assert explain(MODEL) == [
        "Live it uses 0.4 % of one core; about 250 such models would fit on it. Source and sink "
        "add to that.",
        "All 1031 decisions were in time: the slowest took 4.8 ms of the 320 ms of a hop.",
        "A decision comes 1.5 ms after its newest sample, 4.5 ms at the 99th percentile.",
        "The process that runs it takes 50 MB of memory, 52 MB at most.",
        "1 thread is fastest at the median.",
    ]


def test_late_decisions_are_not_hidden():
    late = dataclasses.replace(MODEL, live=dataclasses.replace(MODEL.live, late=3, cpu_share=0.99))
    sentences = explain(late)
    assert "it fills that core" in sentences[0]
    assert sentences[1] == (
        "3 of 1031 decisions were late: they took longer than the 320 ms of a hop."
    )


def test_what_was_not_measured_is_not_mentioned():
    assert explain(UNMEASURED) == ["Nothing was measured."]
    assert show_model(UNMEASURED)[-1].strip() == "Nothing was measured."
    failed = dataclasses.replace(UNMEASURED, failure="it broke")
    assert explain(failed) == ["Not everything was measured: it broke"]
    only_live = explain(dataclasses.replace(UNMEASURED, live=MODEL.live))
    assert only_live[1] == "All 31 decisions were in time, within the 320 ms of a hop."


def test_every_figure_of_a_model_is_in_its_table():
    text = "\n".join(show_model(MODEL))
    # the median, as the first start after an installation is slow
    assert "start to first decision 215 ms" in text
    figures = {line[2:32].strip(): line[32:].split() for line in text.splitlines()}
    assert figures["one decision"] == ["1200", "2400", "3600", "4800"]
    assert figures["inference"] == ["500", "1000", "1500", "2000"]
    assert figures["inference, 2 threads"] == ["700", "1400", "2100", "2800"]
    assert figures["live, age of newest sample"] == ["1500", "3000", "4500", "6000"]


# ---- the machine


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ({}, {}, None),
        ({"load": 2.5}, {}, "load 2.50 on 4 cores"),
        ({}, {"load": 2.5}, None),  # the benchmark's own load
        (
            {},
            {"throttled_now": ("throttled",), "throttled_before": ("throttled",)},
            "held back while this ran (throttled)",
        ),
        (
            {},
            {"throttled_before": ("under-voltage",)},
            "for a moment while this ran (under-voltage)",
        ),
        # before the benchmark began
        (
            {"throttled_before": ("under-voltage",)},
            {"throttled_before": ("under-voltage",)},
            None,
        ),
        ({}, {"temperature_c": 82.0}, "82 °C"),
        (
            {"throttled_now": None, "throttled_before": None, "load": None, "temperature_c": None},
            {},
            None,
        ),
    ],
)
def test_what_makes_figures_doubtful_is_named(before, after, named, is_sentence):
    sentences = list(
        doubts(MACHINE, dataclasses.replace(CALM, **before), dataclasses.replace(CALM, **after))
    )
    if named is None:
        assert sentences == []
    else:
        (sentence,) = sentences
        assert named in sentence and is_sentence(sentence)


def test_the_machine_is_described_before_and_after():
    lines = show_machine(MACHINE, CALM, MachineState(None, None, None, None, None, None, None))
    assert lines == [
        "A CPU, 4 cores, Linux aarch64; Python 3.13.0, numpy 2.3, img2imu 0.1.0",
        "before  governor performance, 1800 of 1800 MHz, 50 °C, throttling: none, load 0.10",
        "after   unknown",
    ]


# ---- comparisons


def test_ratios_are_to_the_first():
    speed = Speed(1, 9, 0, p(300.0), p(500.0), p(100.0), p(900.0), 1.0)
    faster = dataclasses.replace(MODEL, speeds=(speed,), memory=None)
    figures = {
        line[:30].strip(): line[30:].split()
        for line in show_comparison([("A", MODEL), ("B", faster)])
    }
    assert figures["one decision p50, us"] == ["1200", "900", "x0.75"]
    assert figures["front end p50, us"] == ["600", "300", "x0.50"]
    assert figures["resident memory, MB"] == ["50.0", "-", "-"]
    assert figures["late decisions"] == ["0", "0", "-"]  # no ratio to zero


def test_headings_stand_above_their_columns():
    columns = [("a_long_name.tflite", MODEL), ("B", MODEL), ("C", MODEL)]
    _, heading, row, *_ = show_comparison(columns)
    assert heading.split() == ["a_long_name.tflite", "B", "ratio", "C", "ratio"]
    ends = [len(heading[: heading.index(name)] + name) for name in ("tflite", "B", "C")]
    assert [row[end - 2 : end] for end in ends] == [" 2"] * 3
    assert len(heading) == len(row)


def test_files_are_compared_model_by_model():
    b, c = (dataclasses.replace(MODEL, file=name) for name in ("b.tflite", "c.tflite"))
    lines = show_files(("x.json", "y.json"), (bench_result(MODEL, b), bench_result(c, MODEL)))
    assert sum(line.startswith("one decision p50") for line in lines) == 1
    assert "a.tflite" in lines
    assert lines[-2:] == ["only in A: b.tflite", "only in B: c.tflite"]
    assert not any("differ" in line for line in lines)


def test_two_single_models_are_compared_whatever_their_names():
    b = dataclasses.replace(MODEL, file="b.tflite")
    other_machine = dataclasses.replace(MACHINE, cpu="B")
    lines = show_files(
        ("x.json", "y.json"), (bench_result(MODEL), bench_result(b, machine=other_machine))
    )
    assert "a.tflite and b.tflite" in lines
    assert any("the machines or their software differ" in line for line in lines)
    assert not any(line.startswith("only in") for line in lines)
