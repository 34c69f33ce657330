import struct

import numpy as np
import pytest
from matplotlib.image import imread

from export.demo.pictures import draw_confusion, draw_spectrograms


def size_of(path):
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


def ink(path):
    """Share of the pixels that are not white."""
    return float((imread(path)[..., :3].min(2) < 0.95).mean())


def test_spectrograms(route, motion, tmp_path):
    contract = route.file.contract
    windows = {label: motion(label, 2.0) for label in contract.labels}
    draw_spectrograms(tmp_path / "s.png", contract, windows)
    width, height = size_of(tmp_path / "s.png")
    assert 300 < width < 2000 and 300 < height < 2000
    assert (tmp_path / "s.png").stat().st_size < 500_000
    assert ink(tmp_path / "s.png") > 0.3


def test_every_class_has_a_row_and_what_it_did_shows(route, motion, tmp_path):
    for name, label in (("one", "walk"), ("two", "shake")):
        draw_spectrograms(
            tmp_path / f"{name}.png", route.file.contract, {"same": motion(label, 2.0)}
        )
    draw_spectrograms(
        tmp_path / "both.png",
        route.file.contract,
        {label: motion(label, 2.0) for label in ("walk", "shake")},
    )
    assert size_of(tmp_path / "both.png")[1] > size_of(tmp_path / "one.png")[1]
    assert not np.array_equal(imread(tmp_path / "one.png"), imread(tmp_path / "two.png"))


@pytest.mark.parametrize("n", [2, 7, 20])
def test_confusion(tmp_path, n):
    counts = np.eye(n, dtype=np.int64) * 9
    counts[0] = 0  # a class that nobody performed
    draw_confusion(tmp_path / "c.png", tuple(f"class {i}" for i in range(n)), counts, "a title")
    width, height = size_of(tmp_path / "c.png")
    assert 300 < width < 2500 and 300 < height < 2500
    assert 0.01 < ink(tmp_path / "c.png") < 0.9


def test_confusion_shows_where_windows_went(tmp_path):
    draw_confusion(tmp_path / "right.png", ("a", "b"), np.array([[5, 0], [0, 5]]), "t")
    draw_confusion(tmp_path / "wrong.png", ("a", "b"), np.array([[0, 5], [5, 0]]), "t")
    assert not np.array_equal(imread(tmp_path / "right.png"), imread(tmp_path / "wrong.png"))
