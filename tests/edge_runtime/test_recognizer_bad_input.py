"""Samples that must not be used: refused, with no label."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import StreamError
from edge_runtime.stream.checks import STANDARD_GRAVITY

W = 32  # of the contract in conftest.py
CUTS = st.lists(st.integers(0, 400), max_size=12).map(sorted)


BAD_SAMPLES = {
    "nan": lambda t, s, i: s.__setitem__((i, 3), math.nan),
    "infinite": lambda t, s, i: s.__setitem__((i, 0), -math.inf),
    "huge": lambda t, s, i: s.__setitem__((i, 5), 1e300),
    "time nan": lambda t, s, i: t.__setitem__(i, math.nan),
    "time infinite": lambda t, s, i: t.__setitem__(i, math.inf),
}


@settings(max_examples=60)
@given(kind=st.sampled_from(list(BAD_SAMPLES)), place=st.integers(1, 199), cuts=CUTS)
def test_a_bad_sample_ends_the_stream_after_the_decisions_before_it(
    make_recognizer, motion, kind, place, cuts
):
    times, samples = motion(200)
    samples = samples.astype(np.float64)
    clean = make_recognizer().push(times[:place], samples[:place])
    BAD_SAMPLES[kind](times, samples, place)
    recognizer, decisions, refused = make_recognizer(), [], False
    for t, s in zip(np.split(times, cuts), np.split(samples, cuts), strict=True):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                decisions += recognizer.push(t, s)
        except StreamError as error:
            decisions += error.decisions
            refused = True
            break
    assert refused
    assert decisions == clean
    assert recognizer.fill == 0


@pytest.mark.parametrize("kind", BAD_SAMPLES)
def test_after_a_refusal_a_new_window_must_fill_up(
    make_recognizer, motion, is_sentence, kind, refusal
):
    times, samples = motion(200)
    bad_times, bad_samples = times[:60].copy(), samples[:60].astype(np.float64)
    BAD_SAMPLES[kind](bad_times, bad_samples, 59)
    recognizer = make_recognizer()
    assert is_sentence(str(refusal(recognizer, bad_times, bad_samples)))
    assert recognizer.push(times[60 : 60 + W - 1], samples[60 : 60 + W - 1]) == []
    assert len(recognizer.push(times[60 + W - 1 : 60 + W], samples[60 + W - 1 : 60 + W])) == 1


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda s: s / STANDARD_GRAVITY, "look like g"),
        (lambda s: s * 1000 / STANDARD_GRAVITY, "thousandths of g"),
        (lambda s: s * 1670, "raw counts"),
        (lambda s: s - np.array([0, 0, 9.81, 0, 0, 0]), "gravity seems to be removed"),
        (lambda s: s * 0, "nothing but zeros"),
    ],
)
def test_a_stream_in_another_unit_is_refused_without_a_single_label(
    make_recognizer, motion, change, words
):
    times, samples = motion(200)
    recognizer = make_recognizer()
    for begin in range(0, 200, 50):
        try:
            assert (
                recognizer.push(times[begin : begin + 50], change(samples[begin : begin + 50]))
                == []
            )
        except StreamError as error:
            assert words in str(error) and error.decisions == ()
            break
    else:
        pytest.fail("never refused")


def test_a_sensor_that_dies_on_the_way_is_refused(make_recognizer, motion, refusal):
    times, samples = motion(200)
    samples[100:, :3] = 0
    error = refusal(make_recognizer(), times, samples)
    assert error.decisions and error.decisions[-1].time_s < times[100 + W]


@pytest.mark.parametrize(
    "times, samples",
    [
        ([0.0], [[1.0, 2.0, 3.0]]),
        ([0.0, 0.02], np.ones((3, 6))),
        ([0.0], np.ones(5)),
        ([[0.0]], np.ones((1, 6))),
        ([0.0, 0.02], np.ones(6)),
        ([], np.ones((1, 6))),
        (0.0, 1.0),
        ([0.0], np.ones((1, 6, 1))),
        (["soon"], np.ones((1, 6))),
        ([0.0], [["a"] * 6]),
        ([0.0, 0.02], [[1.0] * 6, [1.0] * 5]),
        ([0.0], None),
        (None, np.ones((1, 6))),
        ([0.0], [[None] * 6]),
        ([0.0], [{}]),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused_and_end_the_stream(
    make_recognizer, motion, is_sentence, times, samples, refusal
):
    recognizer = make_recognizer()
    recognizer.push(*motion(20))
    error = refusal(recognizer, times, samples)
    assert is_sentence(str(error)) and error.decisions == ()
    assert recognizer.fill == 0


def test_a_shape_error_names_the_columns(make_recognizer, refusal):
    error = refusal(make_recognizer(channels=3), [0.0], [[1.0, 2.0]])
    assert "acc_x, acc_y, acc_z" in str(error) and "(1, 2)" in str(error)
