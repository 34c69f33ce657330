"""Rules for the phone app that Python's linter cannot check."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "android_demo"
CODE = sorted(path for ending in ("kt", "kts", "xml") for path in APP.rglob(f"*.{ending}"))
CORE = sorted((APP / "core" / "src" / "main").rglob("*.kt"))


def test_files_and_lines_stay_short():
    texts = {path.relative_to(APP).as_posix(): path.read_text().splitlines() for path in CODE}
    assert len(texts) > 70
    assert [
        name for name, lines in texts.items() if len(lines) >= 300 or max(map(len, lines)) > 120
    ] == []


def test_the_core_imports_nothing_of_android():
    imports = {
        name for path in CORE for name in re.findall(r"^import (\S+)", path.read_text(), re.M)
    }
    assert len(CORE) > 20
    assert {
        name for name in imports if not name.startswith(("java.", "kotlin.", "dev.img2imu.core."))
    } == set()


def test_every_text_on_the_screens_is_a_resource():
    layouts = [path for path in CODE if "layout" in path.parts]
    texts = [
        text
        for path in layouts
        for text in re.findall(
            r'android:(?:text|hint|contentDescription)="([^"]*)"', path.read_text()
        )
    ]
    assert len(layouts) == 5 and texts
    assert [text for text in texts if not text.startswith("@string/") and not text.isdigit()] == []


def test_the_app_s_folder_holds_only_the_app():
    """Someone who opens it in Android Studio meets none of the tools that replace the SDK here."""
    folders = {path.name for path in APP.iterdir() if path.is_dir() and path.name != ".gradle"}
    assert folders - {"build"} == {"app", "core", "gradle", "jvm"}
    assert list(APP.rglob("*.py")) == []


def test_the_build_tools_name_no_host_and_no_machine():
    tools = [path for path in (ROOT / ".ci" / "android").iterdir() if path.is_file()]
    assert len(tools) == 8
    for path in tools:
        assert re.findall(r"https?://|/(?:home|root|opt)/", path.read_text()) == [], path.name
