import json

import pytest

from img2imu.fewshot.report import (
    compute_margins,
    markdown_of_classes,
    markdown_report,
    plot_critical_difference,
    plot_curves,
    shared_tasks,
    summarise,
    write_report,
)
from img2imu.fewshot.runner import Cell, Result
from img2imu.fewshot.scores import Scores

PNG = b"\x89PNG"


def result(task, method, k, draw, f1, person="ada"):
    return Result(
        Cell(task, method, k, draw, "0"), Scores(f1, {"a": f1, "b": f1 / 2}, {person: f1}), 0.1, 0.2
    )


RESULTS = [
    *(
        result("swim", method, k, draw, f1 + 0.1 * draw, person)
        for method, f1 in (("img2imu", 0.7), ("cnn", 0.5), ("knn", 0.6))
        for k in (1, 5)
        for draw, person in ((0, "ada"), (1, "bo"))
    ),
    *(result("road", method, 1, 0, f1) for method, f1 in (("img2imu", 0.3), ("cnn", 0.4))),
]


def test_a_summary_is_the_mean_over_draws():
    summaries = summarise(RESULTS)
    assert [(s.task, s.method, s.k, s.draws) for s in summaries[:2]] == [
        ("swim", "img2imu", 1, 2),
        ("swim", "img2imu", 5, 2),
    ]
    assert summaries[0].macro_f1 == pytest.approx(0.75)
    assert summaries[0].f1_of_class == pytest.approx({"a": 0.75, "b": 0.375})
    assert (summaries[0].subjects.low, summaries[0].subjects.high) == pytest.approx((0.7, 0.8))
    assert summaries[0].fit_s == 0.1


def test_the_mean_is_over_tasks_that_all_methods_have():
    summaries = summarise(RESULTS)
    assert shared_tasks(summaries, 1) == ["swim"]  # knn was not run on road
    assert shared_tasks(summaries, 2) == []


def test_the_table():
    summaries = summarise(RESULTS)
    lines = markdown_report(summaries, compute_margins(RESULTS, summaries)).splitlines()
    begin = lines.index("### 1 labelled window per class")
    assert lines[begin + 2 : begin + 7] == [
        "| method | swim | road | mean of 2 | mean of 1 |",
        "| --- | --- | --- | --- | --- |",
        "| img2imu | **75.0** ±5.0 | 30.0 ±? | **52.5** | **75.0** |",
        "| cnn | 55.0 ±5.0 | **40.0** ±? | 47.5 | 55.0 |",
        "| knn | 65.0 ±5.0 | – | – | 65.0 |",
    ]
    assert "### 5 labelled windows per class" in lines
    assert "| swim | 1 | knn | +10.0 | +10.0 (+10.0 to +10.0) |" in lines
    assert "| road | 1 | cnn | -10.0 | -10.0 |" in lines


def test_the_text_names_methods_with_fewer_draws():
    fewer = [r for r in RESULTS if r.cell.method != "knn" or r.cell.draw == 0]
    assert "2 draws; fewer for knn (1)." in markdown_report(summarise(fewer), []).splitlines()
    assert "fewer for" not in markdown_report(summarise(RESULTS), [])


def test_methods_that_tie_as_printed_are_all_best():
    text = markdown_report(
        summarise([result("swim", "a", 1, 0, 0.5), result("swim", "b", 1, 0, 0.50004)]), []
    )
    assert text.count("**50.0**") == 4


def test_margins_are_paired_and_need_a_rival():
    only = [r for r in RESULTS if r.cell.method == "img2imu"]
    assert compute_margins(only, summarise(only)) == []
    swim, _, road = compute_margins(RESULTS, summarise(RESULTS))
    assert (swim.rival, swim.macro_f1) == ("knn", pytest.approx(0.1))
    assert swim.subjects.half_width == pytest.approx(0)  # the lead is the same for everybody
    assert (road.rival, road.macro_f1) == ("cnn", pytest.approx(-0.1))


def test_a_table_of_classes():
    lines = markdown_of_classes(summarise(RESULTS)).splitlines()
    begin = lines.index("### swim, k = 5")
    assert lines[begin + 2 : begin + 5] == [
        "| method | a | b |",
        "| --- | --- | --- |",
        "| img2imu | 75.0 | 37.5 |",
    ]


def test_the_files(tmp_path):
    paths = write_report(tmp_path, RESULTS, {"draws": 2})
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    content = json.loads((tmp_path / "results.json").read_text())
    assert (
        content["protocol"] == {"draws": 2}
        and len(content["summaries"]) == 8
        and len(content["margins"]) == 3
    )
    assert content["summaries"][0]["subjects"]["mean"] == pytest.approx(0.75)


def test_the_pictures(tmp_path):
    summaries = summarise(RESULTS)
    plot_curves(summaries, tmp_path / "curves.png")
    assert plot_critical_difference(summaries, tmp_path / "ranks.png") is None
    for name in ("curves.png", "ranks.png"):
        assert (tmp_path / name).read_bytes().startswith(PNG)


def test_two_methods_are_too_few_for_ranks(tmp_path):
    two = summarise(r for r in RESULTS if r.cell.method != "knn")
    why = plot_critical_difference(two, tmp_path / "ranks.png")
    assert why.startswith("no critical-difference diagram: 2 methods on 3 problems")
    assert not (tmp_path / "ranks.png").exists()
