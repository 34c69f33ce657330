import subprocess
import sys

BLOCKED = """
import sys

class Without:  # as if torch were not installed
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Without)
import img2imu
from edge_runtime.errors import MissingExtraError
try:
    from img2imu import MotionClassifier
except MissingExtraError as error:
    print(error)
"""


def test_the_package_alone_needs_neither_torch_nor_scikit_learn():
    code = (
        "import sys, img2imu; print(sorted({'torch', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )


def test_the_classifier_without_torch_names_the_extra():
    result = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=True
    )
    assert result.stdout == (
        "this needs the Python package 'torch', which is not installed: "
        'pip install "img2imu[train]"\n'
    )
