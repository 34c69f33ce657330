import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.phone import PhoneDecoder

from .conftest import listen


def batch(first, times_ms, values):
    return struct.pack("<d", first) + b"".join(
        struct.pack("<d6f", time_ms, *row) for time_ms, row in zip(times_ms, values, strict=True)
    )


def rows(n, begin=0):
    return (begin + np.arange(n * 6).reshape(n, 6)).astype(np.float32)


@pytest.fixture
def decoder():
    decoder = PhoneDecoder(CHANNELS, listen(Notes("phone")))
    decoder.begin("one")
    return decoder


def test_samples_are_decoded_unchanged(decoder):
    chunk = decoder.decode(batch(0, [1000.0, 1016.7, 1033.4], rows(3)))
    np.testing.assert_array_equal(chunk.timestamps_s, np.array([1000.0, 1016.7, 1033.4]) / 1000)
    np.testing.assert_array_equal(chunk.samples, rows(3))
    assert chunk.samples.dtype == np.float32 and decoder.received == 3


def test_a_repeated_sample_is_not_returned_twice(decoder):
    decoder.decode(batch(0, [0, 20, 40], rows(3)))
    decoder.begin("one")  # the connection broke before the acknowledgement
    chunk = decoder.decode(batch(1, [20, 40, 60, 80], rows(4, 6)))
    np.testing.assert_array_equal(chunk.timestamps_s, [0.06, 0.08])
    assert decoder.received == 5 and not decoder._notes.counts


def test_a_new_session_has_its_own_clock(decoder):
    decoder.decode(batch(0, [5000, 5020], rows(2)))
    decoder.begin("another")
    assert decoder.received == 0
    np.testing.assert_array_equal(
        decoder.decode(batch(0, [10, 30], rows(2))).timestamps_s, [0.01, 0.03]
    )


def test_columns_are_in_the_requested_order():
    decoder = PhoneDecoder(("acc_z", "gyro_x", "acc_x"), listen(Notes("phone")))
    decoder.begin("one")
    np.testing.assert_array_equal(decoder.decode(batch(0, [0], rows(1))).samples, [[2, 3, 0]])


def test_a_phone_without_a_gyroscope(decoder):
    values = rows(2)
    values[:, 3:] = np.nan
    assert not len(decoder.decode(batch(0, [0, 20], values)).samples)
    assert decoder._notes.counts == {"unusable sample": 2}
    assert "the phone gives no gyro_x, gyro_y, gyro_z" in decoder._notes.said[0]
    acc = PhoneDecoder(CHANNELS[:3], listen(Notes("phone")))
    acc.begin("one")
    assert len(acc.decode(batch(0, [0, 20], values)).samples) == 2


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e30])
def test_implausible_values_are_left_out(decoder, value):
    values = rows(3)
    values[1, 2] = value
    np.testing.assert_array_equal(
        decoder.decode(batch(0, [0, 20, 40], values)).timestamps_s, [0, 0.04]
    )
    assert decoder._notes.counts == {"unusable sample": 1}


@pytest.mark.parametrize(
    "times_ms", [[0, 20, 10], [0, 20, 20], [0, np.nan, 20, 19], [0, 1e300, 20]]
)
def test_times_always_increase(decoder, times_ms):
    chunk = decoder.decode(batch(0, times_ms, rows(len(times_ms))))
    np.testing.assert_array_equal(chunk.timestamps_s, [0, 0.02])
    assert sum(decoder._notes.counts.values()) == len(times_ms) - 2


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_are_decoded_or_counted(messages):
    decoder = PhoneDecoder(CHANNELS, listen(Notes("phone")))
    decoder.begin("one")
    last_s = -np.inf
    for message in messages:
        chunk = decoder.decode(message)
        assert np.isfinite(chunk.samples).all() and chunk.samples.shape == (
            len(chunk.timestamps_s),
            6,
        )
        assert (np.diff(chunk.timestamps_s, prepend=last_s) > 0).all()
        last_s = chunk.timestamps_s[-1] if len(chunk.timestamps_s) else last_s
        assert 0 <= decoder.received < 2**54


@given(st.integers(0, 60), st.lists(st.integers(0, 40), max_size=8))
def test_the_samples_do_not_depend_on_how_batches_are_cut_and_repeated(n, cuts):
    times_ms, values = 20.0 * np.arange(n), rows(n)
    decoder = PhoneDecoder(CHANNELS, listen(Notes("phone")))
    decoder.begin("one")
    got = []
    for cut in [*cuts, n]:
        begin = max(0, decoder.received - 3)  # the page missed three acknowledgements
        got.append(decoder.decode(batch(begin, times_ms[begin:cut], values[begin:cut])))
    np.testing.assert_array_equal(np.concatenate([c.samples for c in got]), values)
    np.testing.assert_array_equal(np.concatenate([c.timestamps_s for c in got]), times_ms / 1000)
    assert not decoder._notes.counts
