"""A live source from which nothing comes."""

from edge_runtime.decision import Decision

W = 32  # of the contract in conftest.py


def test_silence_is_a_gap_that_is_said_once(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(100)
    assert recognizer.silent(1.0) == []  # nothing has come yet: there is no label to take back
    recognizer.push(times, samples)
    assert recognizer.silent(0.6) == [Decision.gap(times[-1])]
    assert recognizer.silent(1.1) == [] and recognizer.push([], []) == []


def test_samples_that_were_only_under_way_go_on_in_the_same_window(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(400)
    expected = make_recognizer().push(times, samples)
    found = recognizer.push(times[:100], samples[:100])
    recognizer.silent(4.0)
    found += recognizer.push(times[100:], samples[100:])  # six seconds at once
    assert found == expected and recognizer.counts.gaps == 0


def test_a_clock_that_stood_still_in_the_silence_does_not_join_two_times(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(200)
    recognizer.push(times[:100], samples[:100])
    recognizer.silent(60.0)
    after = recognizer.push(times[100:120], samples[100:120]) + recognizer.push(
        times[120:], samples[120:]
    )
    assert after == [
        Decision.warming_up(times[100]),
        *make_recognizer().push(times[100:], samples[100:]),
    ]


def test_after_silence_a_gap_is_not_said_twice(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(200)
    times[100:] += 60
    recognizer.push(times[:100], samples[:100])
    said = recognizer.silent(59.0)
    after = recognizer.push(times[100:], samples[100:])
    assert [d.state for d in (*said, *after[:2])] == ["gap", "warming up", "recognised"]
    assert recognizer.counts.gaps == 1


def test_a_window_that_was_filling_before_the_silence_says_so_again(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(200)
    recognizer.push(times[:20], samples[:20])
    recognizer.silent(0.4)
    assert [d.state for d in recognizer.push(times[20:W], samples[20:W])] == [
        "warming up",
        "recognised",
    ]
