import logging
import subprocess
import sys

import edge_runtime
from edge_runtime import Chunk, Recognizer, errors, open_source

EXPORTED = {
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
}


def test_exported_members():
    assert set(edge_runtime.__all__) == EXPORTED
    assert len(edge_runtime.__all__) == len(EXPORTED)
    assert set(dir(edge_runtime)) >= EXPORTED
    for name in EXPORTED:
        assert getattr(edge_runtime, name) is not None


def test_every_user_error_is_exported():
    user_errors = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.UserError)
    }
    assert user_errors <= EXPORTED
    assert all(name in errors.__doc__ for name in user_errors)  # the tree is complete


def test_the_example_of_the_docstring_runs(demo_model_path, demo_recording_path):
    recognizer = Recognizer.load(demo_model_path)
    source = open_source(
        f"replay:{demo_recording_path}?speed=max", recognizer.contract.stream.channels
    )
    decisions = []
    for chunk in source:
        assert isinstance(chunk, Chunk)
        decisions += recognizer.push(chunk.timestamps_s, chunk.samples)
    assert decisions and decisions[-1].time_s > 20


def test_nothing_is_printed_of_what_is_logged_until_logging_is_configured():
    code = "import edge_runtime, logging; logging.getLogger('img2imu.a').warning('printed')"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout + result.stderr == ""
    assert logging.getLogger("img2imu").propagate
