import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from edge_runtime.commands.run import DEMO_EXERCISES
from edge_runtime.contract.container import read_model
from edge_runtime.contract.spec import CHANNELS
from img2imu.cli import EXIT_USER_ERROR, main

EXERCISE_S = 10.0


def as_document(decision, labels):
    """What the sink should write, less the latency."""
    return {
        "time_s": decision.time_s,
        "state": decision.state,
        "label": decision.label,
        "probability": decision.probability,
        "probabilities": dict(zip(labels, decision.probabilities, strict=True)),
        "window_probabilities": dict(zip(labels, decision.window_probabilities, strict=True)),
        "event": decision.event,
    }


def test_the_command_decides_as_the_recogniser_does_in_one_call(
    run, expected, demo_model_path, demo_recording_path
):
    labels = read_model(demo_model_path).contract.labels
    code, found, printed = run(f"replay:{demo_recording_path}?speed=max")
    assert code == 0
    assert "1500 samples received, 0 interpolated, 0 dropped" in printed.err
    assert [line.pop("counts")["used"] for line in found][-1] == 1500
    assert all(set(line.pop("latency_us")) == {"frontend", "inference", "total"} for line in found)
    assert found == [as_document(decision, labels) for decision in expected]
    assert f"{len(expected)} decisions, " in printed.err.splitlines()[-1]


def test_the_bundled_recording_is_recognised(expected):
    for i, exercise in enumerate(DEMO_EXERCISES):
        shown = Counter(
            d.label for d in expected if i * EXERCISE_S <= d.time_s < (i + 1) * EXERCISE_S
        )
        assert shown.most_common(1)[0][0] == exercise
        assert shown[exercise] > shown.total() / 2


def test_the_recording_is_of_30_seconds_and_small(
    demo_recording, demo_recording_path, demo_model_path
):
    assert demo_recording.duration_s == pytest.approx(3 * EXERCISE_S, abs=0.05)
    assert demo_recording_path.stat().st_size + demo_model_path.stat().st_size < 400 * 1024


def test_a_csv_of_the_same_samples_gives_the_same_decisions(run, altered, demo_recording_path):
    from_npz = run(f"{demo_recording_path}?speed=max")[1]
    from_csv = run(altered())[1]
    for line in (*from_npz, *from_csv):
        del line["latency_us"]
    assert from_csv == from_npz


def test_columns_may_come_in_any_order(run, altered, demo_recording, expected):
    backwards = altered(samples=demo_recording.samples[:, ::-1], channels=CHANNELS[::-1])
    assert [line["label"] for line in run(backwards)[1]] == [d.label for d in expected]


def test_without_a_sink_lines_go_to_standard_output(
    demo_model_path, demo_recording_path, capsys, expected
):
    assert main(["run", str(demo_model_path), "--source", f"{demo_recording_path}?speed=max"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [d.label for d in expected]


def test_several_sinks_get_the_same(run, demo_recording_path, tmp_path):
    other = tmp_path / "other.jsonl"
    code, found, printed = run(
        f"{demo_recording_path}?speed=max", "--sink", f"jsonl:{other}", "--sink", "jsonl:-"
    )
    assert code == 0
    assert [json.loads(line) for line in other.read_text().splitlines()] == found
    assert [json.loads(line) for line in printed.out.splitlines()] == found


def test_two_threads_say_so_and_decide_alike(run, demo_recording_path, expected):
    code, found, printed = run(f"{demo_recording_path}?speed=max", "--threads", 2)
    assert code == 0
    assert [line["label"] for line in found] == [d.label for d in expected]
    assert ", 2 threads\n" in printed.err


def test_demo_needs_no_names_and_begins_at_once(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "img2imu", "run", "--demo", "--sink", "jsonl:-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        first = json.loads(process.stdout.readline())  # at its own pace, the whole would take 30 s
        process.terminate()
        assert first["label"] == DEMO_EXERCISES[0]
        assert first["time_s"] == pytest.approx(4.98)
        assert "ABD, IR, ROW" in process.stderr.read()


def test_demo_takes_another_source(demo_recording_path, capsys, expected):
    assert main(["run", "--demo", "--source", f"{demo_recording_path}?speed=max"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(expected)


def test_settings_of_the_decision_can_be_given(run, demo_recording_path, expected):
    source = f"{demo_recording_path}?speed=max"
    plain = run(source, "--smoothing-windows", 1)[1]
    assert [line["probabilities"] for line in plain] == [
        line["window_probabilities"] for line in plain
    ]
    strict = run(source, "--threshold", 0.7)[1]
    assert [line["label"] for line in strict] == [
        d.label if d.probability >= 0.7 else None for d in expected
    ]
    for_one = run(source, "--class-threshold", "IR=1")[1]
    assert [line["label"] for line in for_one] == [
        None if d.label == "IR" else d.label for d in expected
    ]
    steady = run(source, "--debounce", 4)[1]
    labels = [d.label for d in expected]
    assert [line["label"] for line in steady] == [
        label if i >= 3 and set(labels[i - 3 : i + 1]) == {label} else None
        for i, label in enumerate(labels)
    ]
    rare = [line["time_s"] for line in run(source, "--refractory-s", 12)[1] if line["event"]]
    assert len(rare) >= 2 and min(np.diff(rare)) >= 12


@pytest.mark.parametrize(
    "arguments",
    [
        ["--debounce", "0"],
        ["--debounce", "1.5"],
        ["--class-threshold", "IR"],
        ["--threshold", "nan"],
        ["--refractory-s", "-1"],
    ],
)
def test_settings_that_are_no_numbers(demo_model_path, demo_recording_path, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(["run", str(demo_model_path), "--source", str(demo_recording_path), *arguments])
    assert caught.value.code == EXIT_USER_ERROR and ", expected a" in capsys.readouterr().err
