"""Live motion recognition on the device: everything that needs only numpy and LiteRT.

Everything public is imported from here::

    from edge_runtime import Recognizer, open_source

    recognizer = Recognizer.load("model.tflite")
    for chunk in open_source("replay:walk.csv", recognizer.contract.stream.channels):
        for decision in recognizer.push(chunk.timestamps_s, chunk.samples):
            print(decision.time_s, decision.label)

Mistakes that the user can fix are raised as a subclass of :class:`UserError`. Loggers are children
of ``"img2imu"``; nothing is logged until the application configures ``logging``.
"""

import logging

from edge_runtime.contract.container import ModelFile, read_model
from edge_runtime.contract.spec import Contract
from edge_runtime.decision import Decision, Latency
from edge_runtime.errors import (
    ContractError,
    DataError,
    MissingExtraError,
    OutputError,
    SourceError,
    StreamError,
    UserError,
)
from edge_runtime.recognizer import Recognizer
from edge_runtime.sinks import open_sink
from edge_runtime.sources import open_source
from edge_runtime.stream.chunk import Chunk
from edge_runtime.stream.counts import StreamCounts
from edge_runtime.teaching import Teacher

__version__ = "0.1.0"

__all__ = [
    "Chunk",
    "Contract",
    "ContractError",
    "DataError",
    "Decision",
    "Latency",
    "MissingExtraError",
    "ModelFile",
    "OutputError",
    "Recognizer",
    "SourceError",
    "StreamCounts",
    "StreamError",
    "Teacher",
    "UserError",
    "__version__",
    "open_sink",
    "open_source",
    "read_model",
]

# Without this, Python prints warnings of a logger that nobody configured to standard error.
logging.getLogger("img2imu").addHandler(logging.NullHandler())
