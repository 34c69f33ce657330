import importlib
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def benchmarks():
    """The directory of the benchmarks' scripts."""
    return Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def module(benchmarks):
    """Imports a script of the benchmarks directory, as if run from there."""
    sys.path.insert(0, str(benchmarks))
    yield importlib.import_module
    sys.path.remove(str(benchmarks))
