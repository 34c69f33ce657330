"""What sources and sinks report is printed on standard error by the commands, and never logged."""

import sys
import types

import pytest

from edge_runtime import sinks, sources
from edge_runtime.sinks.sink import Sink
from edge_runtime.sources import open_source
from edge_runtime.sources.notes import Notes
from img2imu.cli import main


class NoisySource:
    """Replays a recording at maximum speed, and reports a line of each kind."""

    def __init__(self, recording, channels):
        self._source = open_source(f"{recording}?speed=max", channels)
        self.notes = Notes("noisy")

    @staticmethod
    def from_uri(rest, channels, rate_hz=None):
        return NoisySource(rest, channels)

    def __iter__(self):
        self.notes.tell("waiting for the phone")
        self.notes.skipped("malformed line", "it is 'x'")
        self.notes.lost_connection("the cable is out; trying again in 0.5 s")
        yield from self._source


class NoisySink(Sink):
    """Reports each decision as undelivered."""

    def __init__(self):
        self._notes = Notes("broker")

    @staticmethod
    def from_uri(rest, contract):
        return NoisySink()

    @property
    def notes(self):
        return self._notes

    def write(self, decision):
        self.notes.skipped("decision", "the broker is away")


SOURCE_LINES = [
    "noisy: waiting for the phone",
    "noisy: skipped 1 malformed line: it is 'x'",
    "noisy: the cable is out; trying again in 0.5 s",
]
SINK_LINE = "broker: skipped 1 decision: the broker is away"


@pytest.fixture
def noisy(monkeypatch):
    """Make the scheme ``noisy:`` known to sources and sinks."""
    module = types.ModuleType("noisy")
    module.NoisySource = NoisySource
    module.NoisySink = NoisySink
    monkeypatch.setitem(sys.modules, "noisy", module)
    monkeypatch.setitem(sources.SCHEMES, "noisy", "noisy:NoisySource")
    monkeypatch.setitem(sinks.SCHEMES, "noisy", "noisy:NoisySink")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("doctor", ["--seconds", "30"]),
        ("record", ["--label", "squat", "--countdown", "0"]),
        ("run", ["--sink", "noisy:"]),
    ],
)
def test_notes_are_printed_and_not_logged(
    command, options, noisy, demo_model_path, demo_recording_path, tmp_path, capsys, caplog
):
    model_or_folder = tmp_path if command == "record" else demo_model_path
    main([command, str(model_or_folder), "--source", f"noisy:{demo_recording_path}", *options])
    printed = capsys.readouterr().err.splitlines()
    assert [line for line in printed if line.startswith("noisy: ")] == SOURCE_LINES
    assert (SINK_LINE in printed) == (command == "run")
    assert caplog.records == []
