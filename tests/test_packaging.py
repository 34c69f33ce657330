"""The distribution as a whole: imports, metadata, and rules that no linter checks."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("edge_runtime", "img2imu", "export")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEAVY = (
    "torch",
    "torchvision",
    "sklearn",
    "scipy",
    "matplotlib",
    "tensorflow",
    "litert_torch",
    "ai_edge_quantizer",
)
MAX_LINES = 300

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = set(PROJECT["optional-dependencies"])


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )


def imported_modules(tree: ast.AST) -> set[str]:
    """The top-level name of every module that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def required_name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def missing_extras_named(tree: ast.AST) -> set[str]:
    """The extras that calls of MissingExtraError and import_extra name."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (
        [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "extra")]
        for call in calls
        if getattr(call.func, "id", getattr(call.func, "attr", ""))
        in ("MissingExtraError", "import_extra")
    )
    return {node.value for nodes in named for node in nodes if isinstance(node, ast.Constant)}


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if "edge_runtime" in path.parts], ids=name_of
)
def test_edge_runtime_imports_numpy_and_itself_alone(path: Path) -> None:
    allowed = {"numpy", "edge_runtime", *sys.stdlib_module_names}
    assert imported_modules(ast.parse(path.read_text())) <= allowed


def test_edge_runtime_imports_without_anything_heavy() -> None:
    modules = [
        module_of(path)
        for path in SOURCES
        if "edge_runtime" in path.parts and path.stem != "__main__"
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = python(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["info", "--help"]], ids=" ".join
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import runpy, sys\n"
        "try: runpy.run_module('img2imu', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as leaving: code = leaving.code or 0\n"
        "else: code = 0\n"
        f"print('imported:', *[name for name in {HEAVY!r} if name in sys.modules])\n"
        "sys.exit(code)"
    )
    result = python(code, *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].split() == ["imported:"]
    assert "usage" in result.stdout.lower()


def test_base_dependencies_are_numpy_and_litert() -> None:
    assert {required_name(line) for line in PROJECT["dependencies"]} == {"numpy", "ai-edge-litert"}


def test_every_extra_that_is_named_exists() -> None:
    named = {
        extra for path in SOURCES for extra in missing_extras_named(ast.parse(path.read_text()))
    }
    assert named <= EXTRAS

    pages = [
        path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if path.is_file()
    ]
    for path in [*SOURCES, *pages, ROOT / "pyproject.toml"]:
        for brackets in re.findall(r"img2imu\[([a-z0-9, ]+)\]", path.read_text()):
            assert {extra.strip() for extra in brackets.split(",")} <= EXTRAS, name_of(path)


def test_constraints_are_exact_and_cover_every_direct_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin)] == []

    direct = PROJECT["dependencies"] + [
        line for extra in EXTRAS for line in PROJECT["optional-dependencies"][extra]
    ]
    names = {required_name(line) for line in direct} - {"img2imu"}
    assert names - {required_name(pin) for pin in pins} == set()


SCRIPTS = sorted(
    name_of(path)
    for path in (ROOT / ".ci").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)
NPM = [f"edge_runtime/web/{name}" for name in ("package.json", "package-lock.json", ".npmrc")]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "Makefile", *SCRIPTS, *NPM])
def test_installation_depends_on_no_particular_host_or_machine(name: str) -> None:
    text = (ROOT / name).read_text()
    assert (
        re.findall(r"[a-z+]+://|index-url|find-links|trusted-host|/(?:home|root|opt)/", text) == []
    )


def test_licence_and_notice_are_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    notice = (ROOT / "NOTICE").read_text()
    assert "seglearn" in notice and "EfficientNet-Lite0" in notice
