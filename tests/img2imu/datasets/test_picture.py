import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError, OutputError
from img2imu.datasets import Clock, DataSet, LabelledRecording
from img2imu.datasets.inspection import inspect_data_set
from img2imu.datasets.picture import draw_inspection

from .test_inspection import data_set, recording


def boxes(figure):
    """Titles, names and annotations, and where each lies; the numbers at the axes are matplotlib's own care."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [
        text
        for text in figure.findobj(Text)
        if text.get_visible()
        and re.search("[A-Za-z]{2}", text.get_text())
        and not text.get_text().startswith("$")
    ]
    return [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in texts]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn."""
    figures = []
    keep = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (figures.append(self), keep(self, *a, **k))[1]
    )
    return figures


@pytest.mark.parametrize(
    ("channels", "names"),
    [
        (CHANNELS, ("walk", "a very long name of an exercise with the left arm")),
        (("acc_z",), ("walk", "run")),
        pytest.param(
            CHANNELS[3:], tuple(f"class number {i}" for i in range(25)), marks=pytest.mark.slow
        ),
    ],
)
def test_no_text_lies_on_another_or_outside(tmp_path, drawn, channels, names):
    columns = [CHANNELS.index(name) for name in channels]
    recordings = []
    for label in range(len(names)):
        made = recording(f"r{label}", f"person {label % 3}", 6.0, label, seed=label)
        recordings.append(
            LabelledRecording(made.name, made.subject, made.samples[:, columns], made.labels)
        )
    jitter = np.random.default_rng(0).normal(0.02, 0.002, 500).cumsum()
    whole = DataSet("mine", "", "", 50.0, channels, names, tuple(recordings), (Clock("a", jitter),))
    draw_inspection(inspect_data_set(whole), tmp_path / "a.png")
    (figure,) = drawn
    titles = boxes(figure)
    assert len(titles) > 2 * min(len(names), 20)
    width, height = figure.get_size_inches() * figure.dpi
    for number, (text, box) in enumerate(titles):
        assert -1 <= box.x0 and box.x1 <= width + 1 and -1 <= box.y0 and box.y1 <= height + 1, text
        for other, other_box in titles[number + 1 :]:
            assert not box.overlaps(other_box), (text, other)
    assert imread(tmp_path / "a.png")[:, :, :3].std() > 0.05


def test_nothing_to_draw(tmp_path):
    with pytest.raises(
        DataError, match="no window of 5 s fits into mine, so there is nothing to draw"
    ):
        draw_inspection(inspect_data_set(data_set(recording(seconds=0.4))), tmp_path / "a.png")
    with pytest.raises(DataError, match="no sample of mine has a label"):
        draw_inspection(inspect_data_set(data_set(recording(labels=-1))), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    place = tmp_path / "none" / "a.png"
    with pytest.raises(OutputError, match=r"a.png cannot be written"):
        draw_inspection(inspect_data_set(data_set(recording())), place)
