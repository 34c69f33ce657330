"""img2imu's device side: live motion recognition with numpy and LiteRT, nothing else."""

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
