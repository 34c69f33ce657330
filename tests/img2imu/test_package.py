import subprocess
import sys

import pytest

import edge_runtime
import img2imu
from img2imu.classifier import MotionClassifier

# As if torch were not installed.
WITHOUT_TORCH = """
import sys

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Finder)
import img2imu
from edge_runtime.errors import MissingExtraError
try:
    from img2imu import MotionClassifier
except MissingExtraError as error:
    print(error)
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_the_exported_members():
    assert img2imu.__all__ == ["MotionClassifier", "__version__"]
    assert dir(img2imu) == ["MotionClassifier", "__version__"]
    assert img2imu.MotionClassifier is MotionClassifier
    assert img2imu.__version__ == edge_runtime.__version__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = img2imu.nothing


def test_importing_the_package_imports_nothing_heavy():
    heavy = "{'torch', 'sklearn', 'matplotlib', 'numpy', 'edge_runtime'}"
    assert run(f"import sys, img2imu; print(sorted({heavy} & set(sys.modules)))") == "[]\n"
    heavy = "{'torch', 'sklearn', 'matplotlib'}"
    code = f"import sys, img2imu; img2imu.__version__; print(sorted({heavy} & set(sys.modules)))"
    assert run(code) == "[]\n"


def test_the_classifier_without_torch_names_the_extra():
    assert run(WITHOUT_TORCH) == (
        "this needs the Python package 'torch', which is not installed: "
        'pip install "img2imu[train]"\n'
    )
