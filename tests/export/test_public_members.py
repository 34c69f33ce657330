import subprocess
import sys

import pytest

import export

MEMBERS = [
    "RECIPES",
    "TARGETS",
    "ExportError",
    "ExportWindows",
    "Exportable",
    "Exported",
    "Exporter",
    "F1DropError",
    "Job",
    "Recipe",
    "Target",
    "VerificationWindows",
    "choose_windows",
    "export_model",
]

WITHOUT_TORCH = """
import sys

class Without:  # as if torch were not installed
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Without)
import export
from edge_runtime.errors import MissingExtraError
print(*export.RECIPES)
try:
    export.export_model
except MissingExtraError as error:
    print(error)
"""


def run(code):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return result.stdout


def test_the_exported_members_are_these():
    assert export.__all__ == MEMBERS
    assert dir(export) == sorted(MEMBERS)
    for name in MEMBERS:
        assert getattr(export, name) is not None


def test_another_name_is_no_member():
    with pytest.raises(AttributeError, match="module 'export' has no attribute 'nothing'"):
        _ = export.nothing


def test_importing_the_package_imports_nothing_heavy():
    heavy = {"torch", "sklearn", "numpy", "matplotlib", "img2imu", "litert_torch"}
    code = f"import sys, export; dir(export); print(sorted({heavy!r} & set(sys.modules)))"
    assert run(code) == "[]\n"


def test_without_torch_the_recipes_are_there_and_exporting_names_the_extra():
    recipes, error = run(WITHOUT_TORCH).splitlines()
    assert recipes == "float32 float16 dynamic-int8 weight-int8 int8 int8-int16"
    assert error == (
        "this needs the Python package 'torch', which is not installed: "
        'pip install "img2imu[export]"'
    )
