import dataclasses
import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime import Recognizer, Teacher, read_model
from edge_runtime.contract.container import pack_model
from edge_runtime.contract.spec import TAUGHT_SCHEMA
from edge_runtime.errors import ContractError, DataError, OutputError, StreamError
from edge_runtime.network.interpreter import Model
from edge_runtime.network.verification import IDENTICAL, verify

LABELS = ("slow", "fast", "quick", "still")
FREQUENCIES_HZ = dict(zip(LABELS, (0.7, 2.0, 4.0, 0.0), strict=True))


def answers(teacher, stream):
    """What a recogniser of the teacher decides on a stream."""
    return [(d.time_s, d.label, d.probabilities) for d in teacher.recognizer().push(*stream)]


@pytest.fixture(scope="module")
def recordings(swing):
    """Recordings of four labels, two of each."""
    return {
        (label, seed): swing(hz, seconds=4.0, seed=seed)
        for label, hz in FREQUENCIES_HZ.items()
        for seed in (0, 1)
    }


def test_the_example_in_the_docstring(excerpt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"Teacher": Teacher}
    names["punch_times_s"], names["punch_samples"] = excerpt(0, 7)
    names["other_times_s"], names["other_samples"] = excerpt(20, 29)
    (example,) = doctest.DocTestFinder(recurse=False).find(Teacher, globs=names)
    assert len(example.examples) == 5
    results = doctest.DocTestRunner(verbose=False).run(example)
    assert results.failed == 0
    assert Teacher.load("my.tflite").labels == ("punch",)


def test_motions_are_recognised_and_the_rest_is_unknown(taught, excerpt):
    decisions = taught.recognizer().push(*excerpt(0, 30))
    labels = {
        name: {d.label for d in decisions if begin + 2.5 <= d.time_s < begin + 10}
        for name, begin in (("ABD", 0), ("IR", 10), ("ROW", 20))
    }
    assert labels["ABD"] <= {"ABD", None} and "ABD" in labels["ABD"]
    assert labels["IR"] <= {"IR", None} and "IR" in labels["IR"]
    assert labels["ROW"] == {None}
    assert all(sum(d.probabilities) < 1 + 1e-6 for d in decisions)


@settings(max_examples=5, deadline=None)
@given(order=st.permutations([(label, seed) for label in LABELS for seed in (0, 1)]))
def test_the_order_of_teaching_does_not_matter(recordings, swing, order):
    one = Teacher.begin()
    other = Teacher.begin()
    for label, seed in recordings:
        one.add(label, *recordings[label, seed])
    for label, seed in order:
        other.add(label, *recordings[label, seed])
    stream = swing(1.3, seed=9)
    assert answers(one, stream) == answers(other, stream)
    assert one.review() == other.review()


def test_a_label_that_was_removed_and_taught_again_leaves_no_trace(taught, excerpt):
    before = answers(taught, excerpt(0, 30))
    taught.remove("IR")
    assert taught.labels == ("ABD",)
    taught.add("extra", *excerpt(24, 28))
    taught.remove("extra")
    taught.add("IR", *excerpt(10, 17))
    assert answers(taught, excerpt(0, 30)) == before


def test_a_saved_file_answers_like_its_teacher_and_can_be_continued(taught, excerpt, tmp_path):
    path = tmp_path / "my.tflite"
    taught.save(path)
    again = Teacher.load(path)
    assert (again.labels, again.windows, again.background_s) == (
        taught.labels,
        taught.windows,
        taught.background_s,
    )
    expected = answers(taught, excerpt(0, 30))
    assert answers(again, excerpt(0, 30)) == expected
    assert [
        (d.time_s, d.label, d.probabilities) for d in Recognizer.load(path).push(*excerpt(0, 30))
    ] == expected
    assert again.review() == taught.review()
    for teacher in (again, taught):
        teacher.add("ABD", *excerpt(7, 10))
    assert answers(again, excerpt(0, 30)) == answers(taught, excerpt(0, 30))


def test_the_same_lessons_give_the_same_file(taught, excerpt, tmp_path):
    other = Teacher.begin()
    other.set_background(*excerpt(20, 29))
    other.add("IR", *excerpt(10, 17))
    other.add("ABD", *excerpt(0, 7))
    taught.save(tmp_path / "one.tflite")
    other.save(tmp_path / "other.tflite")
    assert (tmp_path / "one.tflite").read_bytes() == (tmp_path / "other.tflite").read_bytes()


def test_the_golden_vectors_hold_a_window_of_each_label_and_the_background(taught, tmp_path):
    taught.save(tmp_path / "my.tflite")
    file = read_model(tmp_path / "my.tflite")
    verification = verify(file)
    assert verification.verdict == IDENTICAL
    assert verification.windows == 3  # one of each label, one of the background
    assert file.golden.probabilities[0].argmax() == 0 and file.golden.probabilities[1].argmax() == 1
    assert file.contract.schema == TAUGHT_SCHEMA


def test_windows_that_were_taught_before_do_not_count_twice(taught, excerpt):
    lesson = taught.add("ABD", *excerpt(0, 7))
    assert lesson.windows == 0 and "3 of 3 windows were taught 'ABD' before" in lesson.warnings[-1]
    assert taught.windows == {"ABD": 3, "IR": 3}


def test_redo_replaces_the_examples_of_a_label(taught, excerpt):
    taught.redo("IR", *excerpt(13, 20))
    fresh = Teacher.begin()
    fresh.add("ABD", *excerpt(0, 7))
    fresh.add("IR", *excerpt(13, 20))
    fresh.set_background(*excerpt(20, 29))
    assert answers(taught, excerpt(0, 30)) == answers(fresh, excerpt(0, 30))
    with pytest.raises(
        DataError, match=r"'PEN' was not taught, expected one of those that were \('ABD', 'IR'\)"
    ):
        taught.redo("PEN", *excerpt(0, 7))


@pytest.mark.parametrize(
    ("channels", "rate_hz", "window_s"),
    [("acc_z", 25.0, 1.0), ("acc", 100.0, 1.2), ("gyro", 50.0, 3.0), ("acc+gyro", 10.0, 6.0)],
)
def test_the_bundled_network_takes_any_stream(swing, channels, rate_hz, window_s):
    teacher = Teacher.begin(channels, rate_hz, window_s)
    n = len(teacher.stream.channels)
    for label, hz in (("slow", 0.5), ("fast", 3.0)):
        lesson = teacher.add(label, *swing(hz, 4 * window_s, channels=n, rate_hz=rate_hz))
        assert lesson.windows == 4
    assert teacher.review().accuracy == 1.0
    decisions = teacher.recognizer().push(
        *swing(3.0, 3 * window_s, seed=5, channels=n, rate_hz=rate_hz)
    )
    assert {d.label for d in decisions} == {"fast"}


def test_teaching_with_the_network_of_an_exported_model(demo_model_path, excerpt, tmp_path):
    teacher = Teacher.on(demo_model_path)
    assert teacher.window_s == 5.0 and teacher.labels == ()
    teacher.add("one", *excerpt(0, 10))
    teacher.add("other", *excerpt(10, 20))
    teacher.save(tmp_path / "my.tflite")
    assert verify(read_model(tmp_path / "my.tflite")).verdict == IDENTICAL
    assert read_model(tmp_path / "my.tflite").tflite == read_model(demo_model_path).tflite
    decisions = Recognizer.load(tmp_path / "my.tflite").push(*excerpt(0, 20))
    assert decisions[0].label == "one" and decisions[-1].label == "other"


def test_a_label_with_one_example_is_recognised_with_a_warning(excerpt):
    teacher = Teacher.begin()
    teacher.add("ABD", *excerpt(3, 5.5))
    teacher.add("IR", *excerpt(13, 15.5))
    assert teacher.windows == {"ABD": 1, "IR": 1}
    review = teacher.review()
    assert review.accuracy is None
    assert review.correct_by_label == {"ABD": (0, 0), "IR": (0, 0)}
    assert sum("has one example" in warning for warning in review.warnings) == 2
    assert teacher.recognizer().push(*excerpt(6, 10))[-1].label == "ABD"


def test_the_same_motion_under_two_names_is_noticed(excerpt):
    teacher = Teacher.begin()
    teacher.add("ABD", *excerpt(0, 5))
    teacher.add("lift", *excerpt(5, 10))
    teacher.add("ROW", *excerpt(20, 30))
    assert any(
        "'ABD' and 'lift' look alike" in warning and "delete one" in warning
        for warning in teacher.review().warnings
    )


def test_the_same_recording_under_two_names_is_noticed(excerpt):
    teacher = Teacher.begin()
    teacher.add("one", *excerpt(0, 8))
    teacher.add("two", *excerpt(0, 8))
    assert any("'one' and 'two' look alike" in warning for warning in teacher.review().warnings)


@pytest.mark.parametrize(
    "label",
    ["", " ", "a\nb", "tab\t", "\x1b[2J", " led", "trailing ", "x" * 81, "\u202e", "\ud800"],
)
def test_invalid_labels_are_refused_and_change_nothing(taught, excerpt, is_sentence, label):
    with pytest.raises(
        DataError, match="expected one line of 1 to 80 printable characters"
    ) as caught:
        taught.add(label, *excerpt(0, 7))
    assert is_sentence(str(caught.value))
    assert taught.windows == {"ABD": 3, "IR": 3}


@pytest.mark.parametrize(
    "label", ["Ärger", "左 パンチ", "=SUM(A1)", "../../etc", "a,b;c", "'; DROP", "🥊"]
)
def test_labels_in_any_script_survive_a_file(excerpt, tmp_path, label):
    teacher = Teacher.begin()
    teacher.add(label, *excerpt(0, 5))
    teacher.add("other", *excerpt(10, 15))
    teacher.save(tmp_path / "my.tflite")
    assert label in Teacher.load(tmp_path / "my.tflite").labels


def test_a_refused_recording_changes_nothing(taught, excerpt, is_sentence):
    before = answers(taught, excerpt(0, 30))
    times_s, samples = excerpt(0, 7)
    broken = samples.copy()
    broken[7, 2] = np.nan
    ways_to_teach = (
        lambda t, s: taught.add("new", t, s),
        lambda t, s: taught.redo("IR", t, s),
        taught.set_background,
    )
    for wrong_s, wrong in (
        (times_s[:50], samples[:50]),
        (times_s, samples / 9.80665),
        (times_s, broken),
        (times_s * 2, samples),
        (times_s, samples[:, :3]),
        (times_s, np.zeros_like(samples)),
        (times_s[:0], samples[:0]),
    ):
        for teach in ways_to_teach:
            with pytest.raises((DataError, StreamError)) as caught:
                teach(wrong_s, wrong)
            assert is_sentence(str(caught.value))
    assert answers(taught, excerpt(0, 30)) == before


def test_a_label_alone_can_be_saved_but_not_recognised(excerpt, tmp_path, is_sentence):
    teacher = Teacher.begin()
    with pytest.raises(DataError, match="nothing was taught yet"):
        teacher.save(tmp_path / "my.tflite")
    teacher.add("ABD", *excerpt(0, 7))
    assert not teacher.ready
    for attempt in (teacher.recognizer, teacher.review):
        with pytest.raises(
            DataError, match="only 'ABD' was taught: teach another motion, or record a background"
        ):
            attempt()
    teacher.save(tmp_path / "my.tflite")
    with pytest.raises(ContractError, match="was taught nothing but 'ABD'") as caught:
        Recognizer.load(tmp_path / "my.tflite")
    assert is_sentence(str(caught.value))
    again = Teacher.load(tmp_path / "my.tflite")
    again.set_background(*excerpt(20, 29))
    assert again.recognizer().push(*excerpt(3, 8))[-1].label == "ABD"


def test_a_background_alone_can_be_saved(excerpt, tmp_path):
    teacher = Teacher.begin()
    teacher.set_background(*excerpt(20, 29))
    teacher.save(tmp_path / "my.tflite")
    again = Teacher.load(tmp_path / "my.tflite")
    assert again.labels == () and again.background_s == pytest.approx(9.0)


def test_an_exported_model_cannot_be_continued(demo_model_path, is_sentence):
    with pytest.raises(DataError, match="was exported, not taught") as caught:
        Teacher.load(demo_model_path)
    assert is_sentence(str(caught.value))


def test_a_failed_save_leaves_the_old_file(taught, tmp_path):
    path = tmp_path / "my.tflite"
    taught.save(path)
    before = path.read_bytes()
    with pytest.raises(OutputError):
        taught.save(tmp_path / "missing" / "my.tflite")
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["my.tflite"]


def test_the_bundled_network_without_a_head_is_no_model(taught, make_golden):
    file = taught.model_file()
    contract = dataclasses.replace(file.contract, schema=1, taught=None)
    with pytest.raises(ContractError, match="cannot load the network"):
        Model(file.tflite, contract)


def test_damaged_arrays_are_refused(taught, tmp_path, is_sentence):
    file = taught.model_file()
    short = dataclasses.replace(file.taught, embeddings=file.taught.embeddings[:-1])
    spoilt = dataclasses.replace(file.taught, background=file.taught.background * np.nan)
    for wrong in (short, spoilt):
        path = tmp_path / "wrong.tflite"
        path.write_bytes(pack_model(file.tflite, file.contract, file.golden, wrong))
        with pytest.raises(
            ContractError, match="holds taught examples that do not fit its contract"
        ) as caught:
            read_model(path)
        assert is_sentence(str(caught.value).replace(str(tmp_path), ""))
    fewer = dataclasses.replace(
        file.golden,
        **{
            field.name: getattr(file.golden, field.name)[:1]
            for field in dataclasses.fields(file.golden)
        },
    )
    (tmp_path / "fewer.tflite").write_bytes(
        pack_model(file.tflite, file.contract, fewer, file.taught)
    )
    with pytest.raises(
        ContractError, match="holds 1 golden windows, expected one of each of 2 labels"
    ):
        Teacher.load(tmp_path / "fewer.tflite")
    without = tmp_path / "without.tflite"
    without.write_bytes(pack_model(file.tflite, file.contract, file.golden))
    with pytest.raises(ContractError, match=r"taught/embeddings.f32 is missing"):
        read_model(without)
