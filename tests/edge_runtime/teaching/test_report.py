import importlib.util

import pytest

from edge_runtime.errors import MissingExtraError
from edge_runtime.teaching.rejection import OperatingPoint, Rejection
from edge_runtime.teaching.report import draw_rejection, show_rejection, show_review
from edge_runtime.teaching.review import Confusion, Review

REJECTION = Rejection(
    OperatingPoint(0.731, 0.004, 0.125),
    (OperatingPoint(0.5, 12.0, 0.0), OperatingPoint(0.9, 0.0, None)),
    93.4,
)


def test_the_curve_is_a_table_with_the_chosen_threshold_marked():
    first, header, *rows = show_rejection(REJECTION)
    assert (
        "below a probability of 0.731" in first
        and "93 s of background" in first
        and "12% missed" in first
    )
    assert "<3.9 false triggers an hour" in first  # 93 s say nothing about rarer ones
    assert header.split() == ["threshold", "false", "triggers/h", "missed"]
    assert [row.split() for row in rows] == [
        ["0.5", "12", "0%"],
        ["0.731", "<3.9", "12%", "*"],
        ["0.9", "<3.9", "?"],
    ]


def test_a_review_in_words():
    found = Review(
        0.75,
        {"jab": (3, 4), "nod": (0, 0)},
        (Confusion("jab", "unknown", 1),),
        None,
        ("do it again",),
    )
    assert list(show_review(found)) == [
        "3 of 4 examples are recognised by a head that did not see them (75%)",
        "  jab  3 of 4; taken 1 for unknown",
        "  nod  one example, not judged",
        "note: do it again",
    ]


def test_the_picture_needs_matplotlib_and_says_so(tmp_path):
    path = tmp_path / "curve.png"
    if importlib.util.find_spec("matplotlib") is None:
        with pytest.raises(MissingExtraError, match="matplotlib"):
            draw_rejection(REJECTION, path)
        assert not path.exists()
    else:
        draw_rejection(REJECTION, path)
        assert path.read_bytes().startswith(b"\x89PNG")
