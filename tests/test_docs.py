"""Every link of the pages leads somewhere, and every file they name exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "golden" / "README.md",
    ROOT / "android_demo" / "README.md",
]
CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def anchors(page):
    """The anchors that GitHub gives a page: its headings, and those written out."""
    text = CODE_BLOCK.sub("", page.read_text())
    found = set(re.findall(r'<a id="([^"]+)"', text))
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower())
        found.add(words.strip().replace(" ", "-"))
    return found


def broken_links(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", CODE_BLOCK.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    assert broken_links(page) == []


def test_the_architecture_names_files_that_exist():
    text = (ROOT / "docs" / "architecture.md").read_text()
    names = set(re.findall(r"[\w/]+\.py\b", text))
    assert len(names) > 40
    folders = [ROOT, ROOT / "edge_runtime", ROOT / "img2imu"]
    missing = [name for name in names if not any((folder / name).exists() for folder in folders)]
    assert missing == []


def test_a_journey_has_fifteen_stations_at_most():
    text = (ROOT / "docs" / "architecture.md").read_text()
    journeys = re.findall(r"^## Journey.*?(?=^## )", text, re.DOTALL | re.MULTILINE)
    assert len(journeys) == 2
    assert all(
        1 <= len(re.findall(r"^\d+\. ", journey, re.MULTILINE)) <= 15 for journey in journeys
    )
