import dataclasses

import pytest

from edge_runtime.bench.report import (
    doubts,
    in_words,
    show_comparison,
    show_files,
    show_machine,
    show_model,
)
from edge_runtime.bench.results import (
    BenchResult,
    Live,
    Machine,
    ModelResult,
    Percentiles,
    Speed,
    Start,
)
from edge_runtime.machine import MachineState, Memory


def p(us):
    return Percentiles(us, 2 * us, 3 * us, 4 * us)


CALM = MachineState("performance", 1800.0, 1800.0, 50.0, (), (), 0.1)
MACHINE = Machine("A CPU", 4, "Linux aarch64", "3.13.0", "2.3", "0.1.0")
MODEL = ModelResult(
    "a.tflite",
    "exercises",
    6,
    50.0,
    0.32,
    2048,
    "litert 2",
    tuple(Start(200.0, 10.0, 1.0, 5.0, total) for total in (210.0, 215.0, 900.0)),
    (
        Speed(1, 1000, 0, p(600), p(500), p(100), p(1200), 1000.0),
        Speed(2, 900, 0, p(600), p(700), p(100), p(1400), 2000.0),
    ),
    Live(10.0, 31, 0, 0.004, p(1500)),
    Memory(50.04, 52.0),
)


def test_the_share_of_a_core_says_how_many_would_fit():
    assert in_words(MODEL) == [
        "Live it uses 0.4 % of one core; about 250 such models would fit on it. Source and sink come on top.",
        "Every one of 1031 decisions was in time: the slowest took 4.8 ms of the 320 ms between two.",
        "A decision is there 1.5 ms after its newest sample, 4.5 ms at the 99th percentile.",
        "The process that runs it holds 50 MB of memory, 52 MB at most.",
        "1 thread is fastest at the median.",
    ]


def test_late_decisions_are_not_hidden():
    late = dataclasses.replace(MODEL, live=dataclasses.replace(MODEL.live, late=3, cpu_share=0.99))
    words = in_words(late)
    assert "it fills that core" in words[0]
    assert words[1] == "3 of 1031 decisions came later than the 320 ms between two."


def test_what_was_not_measured_is_not_spoken_of():
    bare = ModelResult("a.tflite", "exercises", 6, 50.0, 0.32, 2048)
    assert in_words(bare) == ["Nothing was measured."]
    assert show_model(bare)[-1].strip() == "Nothing was measured."
    failed = dataclasses.replace(bare, failure="it broke")
    assert in_words(failed) == ["Not measured to the end: it broke"]


def test_every_figure_of_a_model_is_in_its_table():
    text = "\n".join(show_model(MODEL))
    assert (
        "start to first decision 215 ms" in text
    )  # the median: the first start after installing is slow
    lines = {line[2:32].strip(): line[32:].split() for line in text.splitlines()}
    assert lines["one decision"] == ["1200", "2400", "3600", "4800"]
    assert lines["inference"] == ["500", "1000", "1500", "2000"]
    assert lines["inference, 2 threads"] == ["700", "1400", "2100", "2800"]
    assert lines["live, age of newest sample"] == ["1500", "3000", "4500", "6000"]


def test_ratios_are_to_the_first():
    faster = dataclasses.replace(
        MODEL, speeds=(Speed(1, 9, 0, p(300), p(500), p(100), p(900), 1.0),), memory=None
    )
    lines = {
        line[:30].strip(): line[30:].split()
        for line in show_comparison([("A", MODEL), ("B", faster)])
    }
    assert lines["one decision p50, us"] == ["1200", "900", "x0.75"]
    assert lines["front end p50, us"] == ["600", "300", "x0.50"]
    assert lines["resident memory, MB"] == ["50.0", "-", "-"]
    assert lines["late decisions"] == ["0", "0", "-"]  # no ratio to nothing


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ({}, {}, None),
        ({"load": 2.5}, {}, "load 2.50 on 4 cores"),
        ({}, {"load": 2.5}, None),  # its own work
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
        (
            {"throttled_before": ("under-voltage",)},
            {"throttled_before": ("under-voltage",)},
            None,
        ),  # before this began
        ({}, {"temperature_c": 82.0}, "82 °C"),
        (
            {"throttled_now": None, "throttled_before": None, "load": None, "temperature_c": None},
            {},
            None,
        ),
    ],
)
def test_what_makes_figures_doubtful_is_said(before, after, named, is_sentence):
    found = list(
        doubts(MACHINE, dataclasses.replace(CALM, **before), dataclasses.replace(CALM, **after))
    )
    assert (
        (not found)
        if named is None
        else (len(found) == 1 and named in found[0] and is_sentence(found[0]))
    )


def test_the_machine_is_described_before_and_after():
    lines = show_machine(MACHINE, CALM, MachineState(None, None, None, None, None, None, None))
    assert lines == [
        "A CPU, 4 cores, Linux aarch64; Python 3.13.0, numpy 2.3, img2imu 0.1.0",
        "before  governor performance, 1800 of 1800 MHz, 50 °C, throttling: none, load 0.10",
        "after   the system does not tell",
    ]


def bench(*models, machine=MACHINE):
    return BenchResult(1, "2026-01-01T00:00:00+00:00", machine, CALM, CALM, models)


def test_files_are_compared_model_by_model():
    b, c = (dataclasses.replace(MODEL, file=name) for name in ("b.tflite", "c.tflite"))
    lines = show_files(("x.json", "y.json"), (bench(MODEL, b), bench(c, MODEL)))
    assert sum(line.startswith("one decision p50") for line in lines) == 1
    assert "a.tflite" in lines
    assert lines[-2:] == ["only in A: b.tflite", "only in B: c.tflite"]
    assert not any("differ" in line for line in lines)


def test_two_single_models_are_compared_whatever_they_are_called():
    b = dataclasses.replace(MODEL, file="b.tflite")
    lines = show_files(
        ("x.json", "y.json"),
        (bench(MODEL), bench(b, machine=dataclasses.replace(MACHINE, cpu="B"))),
    )
    assert "a.tflite and b.tflite" in lines
    assert any("the machines or their software differ" in line for line in lines)
    assert not any(line.startswith("only in") for line in lines)
