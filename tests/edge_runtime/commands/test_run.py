import dataclasses
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edge_runtime import Recognizer
from edge_runtime.checks import STANDARD_GRAVITY
from edge_runtime.commands.run import DEMO_EXERCISES
from edge_runtime.container import pack, read
from edge_runtime.contract import CHANNELS
from edge_runtime.recordings import Recording, read_recording, write_csv
from img2imu.cli import EXIT_USER_ERROR, main

EXERCISE_S = 10.0
HOP = 16  # samples, of the bundled model
HEADER = ",".join(("time_s", *CHANNELS)) + "\n"


@pytest.fixture(scope="session")
def demo_recording(demo_recording_path):
    return read_recording(demo_recording_path)


@pytest.fixture(scope="session")
def expected(demo_model_path, demo_recording):
    """The decisions on the bundled recording, pushed at once."""
    return Recognizer.load(demo_model_path).push(demo_recording.timestamps_s, demo_recording.samples)


@pytest.fixture
def calm(demo_recording):
    """Times and samples of the recording from its second exercise on; the first moves the arm with 2 g and more."""
    begin = round(EXERCISE_S * 50)
    return demo_recording.timestamps_s[begin:], demo_recording.samples[begin:]


@pytest.fixture
def run(demo_model_path, tmp_path, capsys):
    """Run the command on a source; gives the exit code, the decisions in the sink, and what was printed."""
    def call(source, *arguments, model=demo_model_path):
        sink = tmp_path / "decisions.jsonl"
        code = main(["run", str(model), "--source", str(source), "--sink", f"jsonl:{sink}", *map(str, arguments)])
        lines = sink.read_text().splitlines() if sink.exists() else []
        return code, [json.loads(line) for line in lines], capsys.readouterr()
    return call


@pytest.fixture
def refused(run, is_sentence):
    """The sentence by which a source or a model is refused; with no label anywhere."""
    def call(source, *arguments, decisions=0, **options):
        code, found, printed = run(source, *arguments, **options)
        assert code == EXIT_USER_ERROR
        assert len(found) == decisions
        assert printed.out == ""
        assert "Traceback" not in printed.err
        (line,) = (line for line in printed.err.splitlines() if line.startswith("img2imu: "))
        assert line == printed.err.splitlines()[-1]
        assert is_sentence(line)
        return line.removeprefix("img2imu: ")
    return call


@pytest.fixture
def altered(demo_recording, tmp_path):
    """The bundled recording as CSV, with its times or samples changed."""
    def call(times_s=None, samples=None, channels=CHANNELS, header=None):
        path = tmp_path / "altered.csv"
        times_s = demo_recording.timestamps_s if times_s is None else times_s
        samples = demo_recording.samples if samples is None else samples
        write_csv(path, Recording("altered", np.asarray(times_s, float), np.asarray(samples, np.float32), channels))
        if header is not None:
            path.write_text(path.read_text().replace(",".join(("time_s", *channels)), header, 1))
        return f"{path}?speed=max"
    return call


def as_document(decision, labels):
    """What the sink should write, less the latency."""
    return {"time_s": decision.time_s, "state": decision.state, "label": decision.label,
            "probability": decision.probability,
            "probabilities": dict(zip(labels, decision.probabilities, strict=True)),
            "window_probabilities": dict(zip(labels, decision.window_probabilities, strict=True)),
            "event": decision.event}


# ---- what is recognised


def test_the_command_decides_as_the_recogniser_does_in_one_call(run, expected, demo_model_path, demo_recording_path):
    labels = read(demo_model_path).contract.labels
    code, found, printed = run(f"replay:{demo_recording_path}?speed=max")
    assert code == 0
    assert "1500 samples received, 0 interpolated, 0 dropped" in printed.err
    assert [line.pop("counts")["used"] for line in found][-1] == 1500
    assert all(set(line.pop("latency_us")) == {"frontend", "inference", "total"} for line in found)
    assert found == [as_document(decision, labels) for decision in expected]
    assert f"{len(expected)} decisions, " in printed.err.splitlines()[-1]


def test_the_bundled_recording_is_recognised(expected):
    for i, exercise in enumerate(DEMO_EXERCISES):
        shown = Counter(d.label for d in expected if i * EXERCISE_S <= d.time_s < (i + 1) * EXERCISE_S)
        assert shown.most_common(1)[0][0] == exercise
        assert shown[exercise] > shown.total() / 2


def test_the_recording_is_of_30_seconds_and_small(demo_recording, demo_recording_path, demo_model_path):
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


def test_without_a_sink_lines_go_to_standard_output(demo_model_path, demo_recording_path, capsys, expected):
    assert main(["run", str(demo_model_path), "--source", f"{demo_recording_path}?speed=max"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [d.label for d in expected]


def test_several_sinks_get_the_same(run, demo_recording_path, tmp_path):
    other = tmp_path / "other.jsonl"
    code, found, printed = run(f"{demo_recording_path}?speed=max", "--sink", f"jsonl:{other}", "--sink", "jsonl:-")
    assert code == 0
    assert [json.loads(line) for line in other.read_text().splitlines()] == found
    assert [json.loads(line) for line in printed.out.splitlines()] == found


def test_two_threads_say_so_and_decide_alike(run, demo_recording_path, expected):
    code, found, printed = run(f"{demo_recording_path}?speed=max", "--threads", 2)
    assert code == 0
    assert [line["label"] for line in found] == [d.label for d in expected]
    assert ", 2 threads\n" in printed.err


def test_demo_needs_no_names_and_begins_at_once(tmp_path):
    with subprocess.Popen([sys.executable, "-m", "img2imu", "run", "--demo", "--sink", "jsonl:-"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
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
    assert [line["probabilities"] for line in plain] == [line["window_probabilities"] for line in plain]
    strict = run(source, "--threshold", 0.7)[1]
    assert [line["label"] for line in strict] == [d.label if d.probability >= 0.7 else None for d in expected]
    for_one = run(source, "--class-threshold", "IR=1")[1]
    assert [line["label"] for line in for_one] == [None if d.label == "IR" else d.label for d in expected]
    steady = run(source, "--debounce", 4)[1]
    labels = [d.label for d in expected]
    assert [line["label"] for line in steady] == [
        label if i >= 3 and set(labels[i - 3:i + 1]) == {label} else None for i, label in enumerate(labels)]
    rare = [line["time_s"] for line in run(source, "--refractory-s", 12)[1] if line["event"]]
    assert len(rare) >= 2 and min(np.diff(rare)) >= 12


@pytest.mark.parametrize("arguments", [["--debounce", "0"], ["--debounce", "1.5"], ["--class-threshold", "IR"],
                                       ["--threshold", "nan"], ["--refractory-s", "-1"]])
def test_settings_that_are_no_numbers(demo_model_path, demo_recording_path, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(["run", str(demo_model_path), "--source", str(demo_recording_path), *arguments])
    assert caught.value.code == EXIT_USER_ERROR and ", expected a" in capsys.readouterr().err


# ---- models that cannot be used


@pytest.fixture
def model_with(demo_model_path, tmp_path):
    """The bundled model with its bytes changed."""
    def call(change):
        path = tmp_path / "changed.tflite"
        path.write_bytes(change(demo_model_path.read_bytes()))
        return path
    return call


@pytest.mark.parametrize("command", ["run", "info"])
@pytest.mark.parametrize(("change", "message"), [
    (lambda content: b"\x89PNG" + bytes(200), "is not a .tflite model"),
    (lambda content: b"", "is not a .tflite model"),
    (lambda content: content[:1000], "without an img2imu contract, or one that was cut short"),
    (lambda content: content[:-1], "cut short"),
    (lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:], "is damaged"),
], ids=["another kind", "empty", "cut in the network", "cut at the end", "a bit flipped"])
def test_a_model_file_that_is_none(refused, model_with, demo_recording_path, command, change, message, capsys):
    path = model_with(change)
    if command == "run":
        assert message in refused(demo_recording_path, model=path)
    else:
        assert main(["info", str(path)]) == EXIT_USER_ERROR
        printed = capsys.readouterr()
        assert message in printed.err and printed.err.count("\n") == 1 and printed.out == ""


def test_a_tflite_without_contract(refused, tmp_path, demo_model_path, demo_recording_path):
    (tmp_path / "plain.tflite").write_bytes(read(demo_model_path).tflite)
    assert "without an img2imu contract" in refused(demo_recording_path, model=tmp_path / "plain.tflite")


@pytest.mark.parametrize(("old", "new", "message"), [
    ('"schema": 1', '"schema": 3', "has schema 3, this version reads up to 2: pip install --upgrade img2imu"),
    ('"schema": 1', '"schema": 1, "colour": "red"', "unknown key 'colour'"),
    ('"rate_hz": 50.0', '"rate_hz": 5.0', "stream.rate_hz = 5.0, expected 10 to 400"),
])
def test_a_contract_that_cannot_be_honoured(refused, tmp_path, demo_model_path, demo_recording_path, monkeypatch, old,
                                            new, message):
    file = read(demo_model_path)
    text = file.contract.to_json().replace(old, new, 1)
    with monkeypatch.context() as patch:
        patch.setattr(type(file.contract), "to_json", lambda _: text)
        (tmp_path / "other.tflite").write_bytes(pack(file.tflite, file.contract, file.golden))
    assert message in refused(demo_recording_path, model=tmp_path / "other.tflite")


def test_a_network_of_other_shapes_than_the_contract_says(refused, tmp_path, demo_model_path, demo_recording_path):
    file = read(demo_model_path)
    fewer = dataclasses.replace(file.contract, labels=file.contract.labels[1:])
    golden = dataclasses.replace(file.golden, probabilities=file.golden.probabilities[:, 1:])
    (tmp_path / "other.tflite").write_bytes(pack(file.tflite, fewer, golden))
    assert "the network's probabilities are" in refused(demo_recording_path, model=tmp_path / "other.tflite")


# ---- streams that break the contract


@pytest.mark.parametrize("rate_hz", [25, 40, 100, 200])
def test_another_rate(refused, altered, rate_hz):
    sentence = refused(altered(times_s=np.arange(1500) / rate_hz))
    assert f"the stream comes at {rate_hz} Hz, expected 50 Hz within 10%" in sentence


def test_a_rate_a_little_off_is_resampled(run, altered):
    code, found, _ = run(altered(times_s=np.arange(1500) / 48.0))
    assert code == 0
    assert len(found) > 70


def test_a_rate_of_a_few_samples_a_second_is_no_stream(refused, altered, run):
    source = altered(times_s=np.arange(1500) / 1.5)
    code, found, printed = run(source)
    assert code == EXIT_USER_ERROR
    assert {line["state"] for line in found} == {"gap", "warming up"} and all(line["label"] is None for line in found)
    assert "pauses longer than 0.5 s came before a window was full" in printed.err


@pytest.mark.parametrize(("factor", "message"), [
    (1 / STANDARD_GRAVITY, "look like g: multiply them by 9.80665"),
    (1000 / STANDARD_GRAVITY, "thousandths of g"),
    (0, "nothing but zeros"),
])
def test_another_unit(refused, altered, calm, factor, message):
    times_s, samples = calm
    assert message in refused(altered(times_s, samples * np.array([factor] * 3 + [1] * 3)))


def test_vigorous_motion_in_g_is_refused_too(refused, altered, demo_recording):
    assert "expected about 9.81 m/s^2" in refused(altered(samples=demo_recording.samples / STANDARD_GRAVITY))


def test_gravity_removed(refused, altered, calm):
    times_s, samples = calm
    linear = samples.copy()
    for axis in range(3):  # as phones do it: what changes slowly is taken for gravity
        padded = np.pad(samples[:, axis], 25, mode="edge")
        linear[:, axis] -= np.convolve(padded, np.full(51, 1 / 51), "valid")
    assert "gravity seems to be removed" in refused(altered(times_s, linear))


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (1e9, "1e+09")])
@pytest.mark.parametrize("at", [0, 100, 700])
def test_a_number_that_is_none(refused, altered, demo_recording, expected, value, shown, at):
    samples = demo_recording.samples.copy()
    samples[at, 4] = value
    before = [d for d in expected if d.time_s < demo_recording.timestamps_s[at]]
    sentence = refused(altered(samples=samples), decisions=len(before))
    assert f"gyro_y is {shown} at {at / 50:.6f} s, expected a number" in sentence


def test_decisions_before_a_bad_sample_stand_as_they_were(run, altered, demo_recording, expected):
    samples = demo_recording.samples.copy()
    samples[700, 0] = np.nan
    _, found, _ = run(altered(samples=samples))
    assert [(line["time_s"], line["label"]) for line in found] == [
        (d.time_s, d.label) for d in expected if d.time_s < 14.0]


@pytest.mark.parametrize("back_s", [7.0, 3600.0, 1e9])
def test_a_clock_set_back_is_a_gap_and_no_end(run, altered, demo_recording, expected, back_s):
    times_s = demo_recording.timestamps_s.copy()
    times_s[600:] -= back_s
    code, found, _ = run(altered(times_s))
    before = [d for d in expected if d.time_s < 12.0]
    assert code == 0
    assert [line["label"] for line in found[:len(before)]] == [d.label for d in before]
    assert [line["state"] for line in found[len(before):len(before) + 2]] == ["gap", "warming up"]
    after = found[len(before) + 2:]
    assert len(after) == (900 - 250) // HOP + 1 and {line["state"] for line in after} == {"recognised"}
    assert after[0]["time_s"] == pytest.approx(times_s[600] + 249 / 50)


def test_late_samples_are_counted_and_held_ones_are_not_late(run, altered, demo_recording, expected):
    order = np.arange(1500)
    order[2::20], order[3::20] = order[3::20].copy(), order[2::20].copy()
    source = altered(demo_recording.timestamps_s[order], demo_recording.samples[order])
    code, found, printed = run(source)
    assert code == 0 and "75 interpolated, 75 dropped (75 late, 0 duplicate, 0 refused)" in printed.err
    code, found, printed = run(source, "--hold-s", "0.03")
    assert code == 0 and " 0 dropped" in printed.err
    assert [line["probabilities"] for line in found] == [
        dict(zip(found[0]["probabilities"], d.probabilities, strict=True)) for d in expected]


def test_a_sensor_four_times_as_fast_is_filtered_down_when_asked_for(run, altered, demo_recording, expected):
    times_s = np.arange(4 * 1499 + 1) / 200
    samples = np.stack([np.interp(times_s, demo_recording.timestamps_s, column)
                        for column in demo_recording.samples.T], axis=1)
    code, found, _ = run(altered(times_s, samples), "--resample", "polyphase")
    labels = {round(d.time_s, 2): d.label for d in expected}
    near = [line["label"] == labels[min(labels, key=lambda t: abs(t - line["time_s"]))] for line in found]
    assert code == 0 and len(found) == (1500 - 20 - 250) // HOP + 1
    assert sum(near) > 0.9 * len(near)


def test_the_longest_gap_can_be_given(run, altered, demo_recording):
    times_s = demo_recording.timestamps_s.copy()
    times_s[700:] += 0.4
    assert {line["state"] for line in run(altered(times_s))[1]} == {"recognised"}
    assert "gap" in {line["state"] for line in run(altered(times_s), "--max-gap-s", "0.3")[1]}


@pytest.mark.parametrize("text", ["nan", "inf"])
def test_a_timestamp_that_is_none(refused, altered, demo_recording, text):
    times_s = demo_recording.timestamps_s.copy()
    times_s[100] = float(text)
    assert f"has the timestamp {text}" in refused(altered(times_s))


# ---- files that cannot be read


def test_missing_columns(refused, altered, demo_recording):
    source = altered(samples=demo_recording.samples[:, :3], channels=CHANNELS[:3])
    assert "lacks the channels gyro_x, gyro_y, gyro_z" in refused(source)


@pytest.mark.parametrize(("header", "message"), [
    ("time_s,ax,ay,az,gx,gy,gz", "has the columns time_s, ax, ay, az, gx, gy, gz, expected some of acc_x"),
    ("time_s,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyr_z", "lacks the channels gyro_z, its columns are"),
    ("t,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z", "has no time_s column"),
    ("time_s,acc_x,acc_x,acc_z,gyro_x,gyro_y,gyro_z", "has the column acc_x twice"),
])
def test_renamed_columns(refused, altered, header, message):
    assert message in refused(altered(header=header))


@pytest.mark.parametrize(("name", "text", "message"), [
    ("empty.csv", "", "is empty"), ("header.csv", HEADER, "has a header but no samples"),
    ("words.csv", f"{HEADER}0,a,b,c,d,e,f\n", "has 'a' in column acc_x"),
    ("empty.npz", "", "is not an .npz file"), ("empty.zip", "", "empty.zip"), ("notes.txt", "hello", "ends in '.txt'"),
])
def test_files_that_hold_no_recording(refused, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    assert message in refused(tmp_path / name)


def test_a_file_that_is_not_there(refused, tmp_path):
    assert "there is no file" in refused(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("n", [1, 2, 249])
def test_a_recording_shorter_than_a_window(refused, altered, demo_recording, n):
    source = altered(demo_recording.timestamps_s[:n], demo_recording.samples[:n])
    sentence = refused(source)
    assert f"the stream ended when the window of 5 s was {n / 250:.0%} full" in sentence


def test_gaps_so_close_that_no_window_fills(run, altered, demo_recording):
    times_s = demo_recording.timestamps_s + np.arange(1500) // 200
    code, found, printed = run(altered(times_s))
    assert code == EXIT_USER_ERROR
    assert {(line["state"], line["label"]) for line in found} == {("gap", None), ("warming up", None)}
    assert "expected at least one whole window without a gap" in printed.err


@pytest.mark.parametrize(("arguments", "message"), [
    (["--source", "bluetooth:watch"], "no kind of source called 'bluetooth'"),
    (["--source", "{}?speed=fast"], "speed='fast', expected a number"),
    (["--source", "{}?colour=red"], "the option 'colour=red'"),
    (["--source", "{}", "--threads", "0"], "threads is 0, expected 1 or more"),
    (["--source", "{}", "--max-gap-s", "0.01"], "stream.max_gap_s = 0.01, expected 0.04 (two samples) to 60: choose"),
    (["--source", "{}", "--threshold", "1.5"], "decision.threshold = 1.5, expected 0 to 1: choose another value"),
    (["--source", "{}", "--class-threshold", "DANCE=0.5"], "{'DANCE': 0.5}, expected 0 to 1 for labels of the model"),
    (["--source", "{}", "--hold-s", "11"], "held for 11 s, expected 0 to 10"),
    (["--source", "{}", "--sink", "mail:me"], "no kind of sink called 'mail'"),
    (["--source", "{}", "--sink", "jsonl:missing/d.jsonl"], "missing/d.jsonl cannot be written"),
    ([], "a model and a source are needed"),
])
def test_options_that_make_no_sense(demo_model_path, demo_recording_path, tmp_path, monkeypatch, capsys, arguments,
                                    message):
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(demo_model_path), *(a.format(demo_recording_path) for a in arguments)]) == EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert message in printed.err.splitlines()[-1]
    assert printed.out == ""
    assert list(Path().iterdir()) == []


def test_in_a_process_of_its_own_a_bad_stream_is_one_sentence_and_no_label(altered, demo_model_path, calm):
    source = altered(calm[0], calm[1] / STANDARD_GRAVITY)
    result = subprocess.run([sys.executable, "-m", "img2imu", "run", str(demo_model_path), "--source", source],
                            capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (EXIT_USER_ERROR, "")
    sentences = [line for line in result.stderr.splitlines() if line.startswith("img2imu: ")]
    assert len(sentences) == 1 and "look like g" in sentences[0]
    assert "Traceback" not in result.stderr
