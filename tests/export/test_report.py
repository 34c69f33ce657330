import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from export.pipeline import Job
from export.recipes import RECIPES
from export.report import (
    HEADINGS,
    ExportReport,
    FileReport,
    draw_chart,
    model_card,
    print_report,
    table_rows,
)


@pytest.fixture
def report(route, exporter):
    failed = FileReport.failed(
        Job(Path("m.int8-int16.tflite"), RECIPES["int8-int16"]), "it did not work [here]"
    )
    return ExportReport.of(
        route.exported.contract, exporter.windows, "a CPU", [FileReport.of(route.exported), failed]
    )


def test_the_json_holds_every_figure(report, tmp_path, route):
    report.write(tmp_path / "m.report.json", tmp_path / "m.report.md")
    document = json.loads((tmp_path / "m.report.json").read_text())
    assert document["contract"] == json.loads(route.exported.contract.to_json())
    assert (document["n_calibration_windows"], document["n_verification_windows"]) == (12, 6)
    assert document["unseen"] is False
    made, failed = document["files"]
    assert (
        made["recipe"] == "int8"
        and made["n_bytes"] == route.exported.n_bytes
        and made["error"] == ""
    )
    assert made["comparison"]["macro_f1"] == 1
    assert set(made["comparison"]["f1_change"]) == {"jump", "shake", "walk"}
    assert made["cost"]["one_thread"]["p50_us"] == route.exported.cost.one_thread.p50_us
    assert failed["comparison"] is None and failed["error"] == "it did not work [here]"


def test_a_row_holds_what_was_measured(report):
    made, failed = table_rows(report)
    cells = dict(zip(HEADINGS, made, strict=True))
    cost = report.files[0].cost
    assert cells["recipe"] == "int8" and cells["KiB"] == f"{report.files[0].n_bytes / 1024:.0f}"
    assert (cells["F1"], cells["change"], cells["agree"], cells["slow"]) == (
        "1.000",
        "+0.000",
        "100.0%",
        "0",
    )
    assert cells["ms"] == f"{cost.one_thread.p50_us / 1e3:.2f} / {cost.one_thread.p95_us / 1e3:.2f}"
    assert failed == ["int8-int16", *["-"] * (len(HEADINGS) - 1)]


def test_integer_io_is_given_after_the_recipe(report):
    assert (
        table_rows(replace(report, files=(replace(report.files[0], io="uint8"),)))[0][0]
        == "int8, uint8"
    )


def test_the_card_names_data_use_and_limits(report):
    text = model_card(report)
    for words in (
        "# data\n",
        "jump, shake, walk",
        "trained on: data;",
        "windows per class (k): 6 or more",
        "## Intended use",
        "## Limits",
        "it always names one of the 3 above",
        "not how well the",
        "a CPU",
        "No file m.int8-int16.tflite: it did not work [here]",
        "| class | int8 |",
        "| jump | +0.000 |",
        report.contract.provenance.split_sha256,
    ):
        assert words in text, words


def test_the_card_tells_whether_other_people_verified(report):
    text = model_card(replace(report, unseen=True, verification="3 people in x"))
    assert "Its accuracy was measured on 3 people in x" in text and "not how well" not in text


def test_the_table_is_printed_with_the_reason_of_a_failure(report, capsys):
    print_report(report)
    printed = capsys.readouterr().out
    assert "int8" in printed and "m.int8-int16.tflite: it did not work [here]" in printed
    assert max(map(len, printed.splitlines())) <= 80  # what a narrow terminal shows


def test_operators_outside_the_fast_path_are_counted_and_named(report):
    made = report.files[0]
    slow = replace(made, cost=replace(made.cost, outside_xnnpack=("ADD", "CONV_2D", "CONV_2D")))
    other = replace(report, files=(slow,))
    assert table_rows(other)[0][-1] == "3"
    assert "not in XNNPACK: 1 ADD, 2 CONV_2D" in model_card(other)
    assert (
        table_rows(
            replace(report, files=(replace(made, cost=replace(made.cost, outside_xnnpack=None)),))
        )[0][-1]
        == "?"
    )


def test_the_picture_has_a_mark_for_each_file_made(report, tmp_path):
    draw_chart(tmp_path / "one.png", report)
    draw_chart(tmp_path / "none.png", replace(report, files=report.files[1:]))
    one, none = (imread(tmp_path / f"{name}.png")[:, :, :3] for name in ("one", "none"))
    assert one.shape == none.shape
    coloured = [np.count_nonzero(np.ptp(picture, axis=2) > 0.1) for picture in (one, none)]
    assert coloured[0] > 100 and coloured[1] == 0
