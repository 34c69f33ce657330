"""img2imu's device side: live motion recognition with numpy and LiteRT, nothing else."""

from edge_runtime.container import ModelFile, read
from edge_runtime.contract import Contract
from edge_runtime.decision import Decision, Latency
from edge_runtime.errors import ContractError, DataError, SourceError, StreamError, UserError
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.recognizer import Recognizer
from edge_runtime.teaching import Teacher

__version__ = "0.1.0"

__all__ = [
    "Contract",
    "ContractError",
    "DataError",
    "Decision",
    "Features",
    "FrontEnd",
    "Latency",
    "ModelFile",
    "Recognizer",
    "SourceError",
    "StreamError",
    "Teacher",
    "UserError",
    "read",
]
