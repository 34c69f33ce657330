import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.sensor_logger_push import LONGEST_WAIT, MessageOrder, PushDecoder

START_NS = 1_698_501_144_401_773_000


def reading(name, time_s, values):
    return {
        "name": name,
        "time": START_NS + round(time_s * 1e9),
        "accuracy": 3,
        "values": dict(zip("xyz", values, strict=True)),
    }


def message(payload, number=0, session="one", device="phone"):
    return json.dumps(
        {"messageId": number, "sessionId": session, "deviceId": device, "payload": payload}
    ).encode()


def batch(number, names, n=10, rate_hz=50.0):
    """A message with n readings of each sensor; a reading's x, y and z are 1, 2 and 3 times its index."""
    payload = [
        reading(name, i / rate_hz, [scale * i, 2 * scale * i, 3 * scale * i])
        for name, scale in names.items()
        for i in range(number * n, number * n + n)
    ]
    random.Random(number).shuffle(payload)
    return message(payload, number)


def decode(decoder, bodies):
    chunks = [decoder.push(body) for body in bodies]
    return np.concatenate([c.timestamps_s for c in chunks]), np.concatenate(
        [c.samples for c in chunks]
    )


@pytest.mark.parametrize(
    "names",
    [
        {"totalacceleration": 1.0, "gyroscope": -1.0},
        {"accelerometer": 0.75, "gravity": 0.25, "gyroscope": -1.0},
        {"accelerometeruncalibrated": 1.0, "gyroscope": -1.0, "microphone": 5.0},
        {"accelerometer": 7.0, "gravity": 9.0, "totalacceleration": 1.0, "gyroscope": -1.0},
    ],
)
def test_acceleration_with_gravity_however_the_phone_gives_it(names, notes):
    times, samples = decode(PushDecoder(CHANNELS, notes), [batch(i, names) for i in range(5)])
    i = np.arange(50)
    np.testing.assert_allclose(times - START_NS / 1e9, i / 50, atol=1e-6)
    np.testing.assert_allclose(
        samples, np.stack([i, 2 * i, 3 * i, -i, -2 * i, -3 * i], axis=1), rtol=1e-6
    )
    assert not notes.counts


def test_acceleration_without_gravity_when_the_model_wants_that(notes):
    names = {"accelerometer": 1.0, "gravity": 9.0, "totalacceleration": 10.0}
    _, samples = decode(
        PushDecoder(CHANNELS[:3], notes, "removed"), [batch(i, names) for i in range(3)]
    )
    np.testing.assert_array_equal(samples[:, 0], np.arange(30))


def test_without_gravity_alone_nothing_is_invented_and_it_is_said(notes):
    times, _ = decode(
        PushDecoder(CHANNELS[:3], notes), [batch(i, {"accelerometer": 1.0}) for i in range(30)]
    )
    assert len(times) == 0
    assert "gravity sensor was silent" in notes.said[0]


@given(st.permutations(range(12)))
def test_messages_that_overtake_one_another(order):
    """Any order in which nobody waits for more than a few."""
    notes = Notes("x")
    said = []
    notes.say = said.append
    decoder = PushDecoder(CHANNELS[:3], notes)
    bodies = [batch(i, {"totalacceleration": 1.0}) for i in range(12)]
    decoder.push(bodies[0])
    near = sorted(range(12), key=lambda i: i + 0.3 * order[i] / 12 * LONGEST_WAIT)
    _, samples = decode(decoder, [bodies[i] for i in near if i])
    np.testing.assert_array_equal(samples[:, 0], np.arange(10, 120))
    assert not notes.counts


@given(st.lists(st.integers(0, 30), max_size=60))
def test_every_message_is_given_once_and_few_wait(numbers):
    order = MessageOrder()
    given_out = [m for i, number in enumerate(numbers) for m in order.push("s", number, i)]
    assert len(order._waiting) <= LONGEST_WAIT
    twice = len(numbers) - len(set(numbers))
    assert len(numbers) - len(order._waiting) - twice <= len(given_out) <= len(numbers)
    assert len(set(given_out)) == len(given_out)


def test_a_lost_message_is_waited_for_and_given_up(notes):
    decoder = PushDecoder(CHANNELS[:3], notes)
    bodies = [batch(i, {"totalacceleration": 1.0}) for i in range(10) if i != 3]
    _, samples = decode(decoder, bodies)
    np.testing.assert_array_equal(samples[:, 0], [i for i in range(100) if i // 10 != 3])


def test_a_new_session_begins_anew(notes):
    decoder = PushDecoder(CHANNELS[:3], notes)
    for session in ("one", "two"):
        for number in range(3):
            payload = [
                reading("totalacceleration", number + 10 * (session == "two"), (number, 0, 9))
            ]
            assert len(decoder.push(message(payload, number, session)).samples) == 1


def test_two_phones(notes):
    decoder = PushDecoder(CHANNELS[:3], notes)
    assert len(decoder.push(message([reading("totalacceleration", 0, (1, 2, 3))])).samples) == 1
    other = message([reading("totalacceleration", 0, (1, 2, 3))], 1, "one", "tablet")
    assert len(decoder.push(other).samples) == 0
    assert "two phones push to this address, phone and tablet" in notes.said[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"payload": 1}',
        b'{"payload": {}}',
        b"[" * 100_000,
        b'{"payload": [}',
    ],
)
def test_no_message(body, notes):
    assert not len(PushDecoder(CHANNELS, notes).push(body).samples)
    assert notes.counts == {"malformed message": 1}


@pytest.mark.parametrize(
    "entry",
    [
        1,
        None,
        {},
        {"name": "totalacceleration"},
        {"name": 3, "values": {}, "time": 1},
        {"name": "totalacceleration", "time": "soon", "values": {"x": 1, "y": 2, "z": 3}},
        {"name": "totalacceleration", "time": 1, "values": {"x": 1, "y": 2}},
        {"name": "totalacceleration", "time": 1, "values": {"x": 1, "y": 2, "z": None}},
        {"name": "totalacceleration", "time": 1, "values": [1, 2, 3]},
        {"name": "totalacceleration", "time": float("inf"), "values": {"x": 1, "y": 2, "z": 3}},
    ],
)
def test_a_broken_reading_costs_itself_alone(entry, notes):
    body = message([entry, reading("totalacceleration", 0, (1, 2, 3))])
    assert PushDecoder(CHANNELS[:3], notes).push(body).samples.tolist() == [[1, 2, 3]]
    assert notes.counts == {"malformed reading": 1}


def test_nan_is_left_out(notes):
    body = message(
        [
            reading("totalacceleration", 0, (1, float("nan"), 3)),
            reading("totalacceleration", 1, (1, 2, 3)),
        ]
    )
    assert PushDecoder(CHANNELS[:3], notes).push(body).samples.tolist() == [[1, 2, 3]]
    assert notes.counts == {"sample with NaN": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["payload", "name", "time", "values", "x", "messageId", "sessionId"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(
    st.binary(max_size=100)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.lists(JSON, max_size=3).map(message)
)
def test_any_body_is_survived(body):
    notes = Notes("x")
    notes.say = lambda _: None
    decoder = PushDecoder(CHANNELS, notes)
    decoder.push(body)
    assert len(decoder.push(body).samples) == 0
