import math
import struct
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source
from edge_runtime.sources.bluetooth import BOARDS, BluetoothSource, NotificationDecoder
from edge_runtime.sources.notes import Notes

G = 9.80665


def play(decoder, messages):
    chunks = [decoder.decode(*message) for message in messages]
    return np.concatenate([c.timestamps_s for c in chunks]), np.concatenate(
        [c.samples for c in chunks]
    )


def notifications(seconds, rate_hz=50.0, batch=4):
    """Yield both sensors' notifications, in batches like those of a connection interval."""
    for i in range(round(seconds * rate_hz)):
        arrival_s = 7 + math.ceil((i + 1) / batch) * batch / rate_hz
        yield "acc", struct.pack("<3f", i, 2 * i, -1), arrival_s
        yield "gyro", struct.pack("<3f", 90, -180, i), arrival_s + 0.001


@pytest.mark.parametrize(
    ("kind", "acc", "gyro"),
    [
        ("nano33", G, math.pi / 180),
        ("nicla", G / 4096, math.pi / 180 / 16.4),
    ],
)
def test_counts_become_the_contracts_units(kind, acc, gyro, notes):
    times, samples = play(NotificationDecoder(BOARDS[kind], CHANNELS, notes), notifications(20))
    assert len(samples) > 900
    np.testing.assert_array_equal(np.diff(np.rint(samples[:, 0] / acc)), 1)
    np.testing.assert_allclose(samples[:, 1], 2 * samples[:, 0], rtol=1e-6)
    np.testing.assert_allclose(
        samples[:, 2:5], [[-acc, 90 * gyro, -180 * gyro]] * len(samples), rtol=1e-5
    )
    steps = np.diff(times)[len(times) // 2 :]
    assert steps.mean() == pytest.approx(0.02, rel=0.01) and steps.max() < 0.025
    # Both sensors show the same moment, as closely as two clocks recovered from batches can know.
    assert np.abs(samples[200:, 5] / gyro - samples[200:, 0] / acc).max() < 4


@given(st.binary(max_size=30))
def test_any_bytes_are_decoded_or_counted(data):
    notes = Notes("x")
    notes.say = lambda _: None
    decoder = NotificationDecoder(BOARDS["nicla"], CHANNELS, notes)
    assert len(decoder.decode("acc", data, 1.0).samples) == 0
    assert notes.counts == ({} if len(data) == 12 else {"malformed notification": 1})


def test_nan_is_left_out(notes):
    decoder = NotificationDecoder(BOARDS["nano33"], CHANNELS[:3], notes)
    messages = [
        ("acc", struct.pack("<3f", 1, float("nan") if i == 70 else 1, 1), i / 50)
        for i in range(100)
    ]
    _, samples = play(decoder, messages)
    assert np.isfinite(samples).all()
    assert notes.counts == {"sample with NaN": 1}


def advertised(address="AA:BB", name="Nicla", services=()):
    return (
        SimpleNamespace(address=address, name=name),
        SimpleNamespace(local_name=name, service_uuids=list(services)),
    )


def test_which_board_is_picked():
    pytest.importorskip("bleak")
    service = BOARDS["nicla"].service
    fits = open_source("ble:Nicla", CHANNELS)._fits
    assert fits(*advertised(services=[service])) and not fits(
        *advertised(services=[BOARDS["nano33"].service])
    )
    fits = open_source("ble:nicla?address=aa:bb", CHANNELS)._fits
    assert fits(*advertised()) and not fits(*advertised(address="AA:CC", services=[service]))
    fits = open_source("ble:nicla?name=mine", CHANNELS)._fits
    assert fits(*advertised(name="mine")) and not fits(*advertised(services=[service]))


def test_scales_from_the_options():
    pytest.importorskip("bleak")
    board = open_source("ble:nicla?acc_scale=0.01", CHANNELS)._board
    assert board.scales == {"acc": 0.01, "gyro": BOARDS["nicla"].scales["gyro"]}
    assert BOARDS["nicla"].scales["acc"] == G / 4096


def test_the_message_without_a_radio_or_a_board():
    """Uses bleak itself, on a machine with or without a radio."""
    pytest.importorskip("bleak")
    with pytest.raises(
        SourceError,
        match=r"Bluetooth does not work here \(.*rfkill|no nano33 answered within 0.2 s",
    ):
        for _ in BluetoothSource("nano33", CHANNELS, name="no such board", search_s=0.2):
            pass


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "names nothing"),
        ("thingy", "no board called 'thingy', expected one of nicla, nano33"),
        ("nicla?acc_scale=x", "expected a number"),
        ("nicla?pin=1", "out of address, name"),
    ],
)
def test_invalid_uris_are_refused(rest, message):
    with pytest.raises(SourceError, match=message):
        open_source(f"ble:{rest}", CHANNELS)
