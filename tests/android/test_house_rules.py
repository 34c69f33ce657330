"""What the linter of Python cannot see of the phone app."""

import re
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "android_demo"
CODE = sorted(path for ending in ("kt", "kts", "py", "xml") for path in DEMO.rglob(f"*.{ending}"))
CORE = sorted((DEMO / "core" / "src" / "main").rglob("*.kt"))


def test_files_and_lines_stay_short():
    texts = {path.relative_to(DEMO).as_posix(): path.read_text().splitlines() for path in CODE}
    assert len(texts) > 80
    assert [
        name for name, lines in texts.items() if len(lines) >= 300 or max(map(len, lines)) > 120
    ] == []


def test_the_core_knows_nothing_of_android():
    imports = {
        name for path in CORE for name in re.findall(r"^import (\S+)", path.read_text(), re.M)
    }
    assert len(CORE) > 30
    assert {
        name for name in imports if not name.startswith(("java.", "kotlin.", "dev.img2imu.core."))
    } == set()


def test_every_string_of_the_screens_is_a_resource():
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


def test_the_build_tools_name_no_host_and_no_machine():
    for path in (DEMO / "tools").iterdir():
        assert re.findall(r"https?://|/(?:home|root|opt)/", path.read_text()) == [], path.name
