"""What the dashboard's page is told: JSON for words and numbers, bytes for samples and images.

A binary message begins with its kind in the first of 8 bytes; all numbers are little-endian.
Samples: n times (float64, seconds), then n rows of the model's channels (float32). Images: the
decision's time (float64, seconds), then the images (count, height, width, 3) as bytes, 0 to 255 for
-1 to 1.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from typing import Any

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import UNITS, Contract, StreamSpec
from edge_runtime.decision import Decision
from edge_runtime.sinks.line_files import decision_document
from edge_runtime.stream.chunk import Chunk

SAMPLES, IMAGES = 1, 2
Decided = tuple[Decision, tuple[str, ...]]  # with the labels in the order of its probabilities
SHOWN_HZ = 100.0  # more samples a second show nothing more


def hello(
    contract: Contract | None,
    stream: StreamSpec,
    source: str,
    draws: bool,
    decisions: Iterable[Decided],
) -> str:
    """The first message: what the model is, and the newest decisions.

    Args:
        contract: of the model; None while nothing was taught.
        stream: of samples.
        source: where samples come from, for people.
        draws: whether images will come: not from a network with the front end inside.
        decisions: oldest first.
    """
    front = contract.front_end if contract and draws else None
    return json.dumps(
        {
            "type": "hello",
            "source": source,
            "channels": stream.channels,
            "units": UNITS,
            "rate_hz": stream.rate_hz,
            "model": contract.name if contract else "",
            "labels": contract.labels if contract else [],
            "window_s": contract.window_s if contract else None,
            "hop_s": contract.hop_s if contract else None,
            "images": {
                "height": front.image_height,
                "width": front.image_width,
                "titles": titles(contract),
            }
            if contract and front
            else None,
            "decisions": [decision_document(*each) for each in decisions],
        },
        allow_nan=False,
    )


def titles(contract: Contract) -> list[str]:
    """What each image shows, in the order of the network's input."""
    stream = contract.stream
    return [
        f"{_colours([stream.channels[i] for i in rgb])}, frames of {spec.fft_samples / stream.rate_hz:.2f} s"
        for spec in contract.front_end.spectrograms
        for rgb in contract.front_end.image_channels
    ]


def _colours(names: list[str]) -> str:
    """``acc`` for its x, y and z as red, green and blue; else every channel."""
    sensor = names[0].partition("_")[0]
    return (
        sensor
        if names == [f"{sensor}_{axis}" for axis in "xyz"]
        else ", ".join(dict.fromkeys(names))
    )


def update(decisions: Iterable[Decided], health: dict[str, Any] | None, skipped: int) -> str:
    """What is new.

    Args:
        decisions: oldest first.
        health: see :class:`edge_runtime.web.health.Health`, or None when it is not yet time again.
        skipped: messages that this client did not get, since the last one, because it is slow.
    """
    return json.dumps(
        {
            "type": "update",
            "decisions": [decision_document(*each) for each in decisions],
            "health": health,
            "skipped": skipped,
        },
        allow_nan=False,
    )


def samples(chunks: list[Chunk], rate_hz: float) -> bytes:
    """Samples that arrived, thinned out to what can be seen.

    Args:
        chunks: one or more, oldest first.
        rate_hz: samples per second.
    """
    step = max(1, int(rate_hz // SHOWN_HZ))
    times = np.concatenate([chunk.timestamps_s for chunk in chunks])[::step]
    values = np.concatenate([chunk.samples for chunk in chunks])[::step]
    return (
        struct.pack("<B7x", SAMPLES)
        + times.astype("<f8").tobytes()
        + values.astype("<f4").tobytes()
    )


def images(time_s: float, shades: Float32Array) -> bytes:
    """The network's images (n, height, width, 3), -1 to 1, of the decision at ``time_s``."""
    pixels = np.rint((shades + 1) * np.float32(127.5)).astype(np.uint8)
    return struct.pack("<B7xd", IMAGES, time_s) + bytes(pixels.tobytes())
