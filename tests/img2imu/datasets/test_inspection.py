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
from img2imu.datasets.inspection import (
    describe_units,
    draw_inspection,
    inspect_data_set,
    list_warnings,
    to_text,
)

RATE_HZ = 50.0
REST = np.array([0, 0, 9.8, 0, 0, 0])


def recording(name="a", subject="ada", seconds=6.0, labels=0, gravity=REST, seed=0):
    n = round(seconds * RATE_HZ)
    samples = np.random.default_rng(seed).normal(0, 0.3, (n, 6)) + gravity
    labels = np.full(n, labels, np.int16) if np.isscalar(labels) else np.asarray(labels, np.int16)
    return LabelledRecording(name, subject, samples.astype(np.float32), labels)


def data_set(*recordings, clocks=(), names=("walk", "run")):
    return DataSet("mine", "", "", RATE_HZ, CHANNELS, names, recordings, tuple(clocks))


def test_classes_counted_by_hand():
    labels = [0] * 100 + [-1] * 50 + [1] * 150
    inspection = inspect_data_set(
        data_set(recording("a", "ada", labels=labels), recording("b", "bo", 6.5, 1)), 1.0
    )
    assert [
        (c.label, c.recordings, c.subjects, c.seconds, c.windows) for c in inspection.classes
    ] == [
        ("walk", 1, 1, 2.0, 2),
        ("run", 2, 2, 9.5, 9),
    ]
    assert inspection.unlabelled_s == 1.0
    assert list_warnings(inspection) == [
        "walk has one subject only: it cannot be tested on anybody else"
    ]


@pytest.mark.parametrize(
    ("seconds", "expected_s"), [((6, 6), 5.0), ((6, 3.5), 3.0), ((2.0, 9), 2.0), ((1.2, 9), 1.0)]
)
def test_the_longest_window_that_every_class_has(seconds, expected_s):
    pair = [recording(str(i), seconds=s, labels=i) for i, s in enumerate(seconds)]
    assert inspect_data_set(data_set(*pair)).window_s == expected_s


def test_a_class_too_short_for_any_window_does_not_shorten_the_others():
    inspection = inspect_data_set(data_set(recording(), recording("b", seconds=0.5, labels=1)))
    assert inspection.window_s == 5.0
    assert list_warnings(inspection) == ["run has no window of 5 s: its stretches are shorter"]
    assert inspect_data_set(data_set(recording(seconds=0.5))).windows is None
    with pytest.raises(DataError, match="no window of 9 s fits"):
        inspect_data_set(data_set(recording()), 9.0)


def test_timing_measured_by_hand():
    clocks = [
        Clock("a", np.array([0.0, 0.1, 0.2, 0.2, 0.4, 2.4, 2.5])),
        Clock("b", np.array([0.0, 0.05, 0.1])),
    ]
    timing = inspect_data_set(data_set(recording(), clocks=clocks)).timing
    assert np.allclose(timing.rates_hz, [4 / 0.5, 20])
    assert np.allclose(np.sort(timing.deviations_s), [0, 0, 0, 0, 0, 0.1])
    assert timing.gaps_s == (pytest.approx(2.0),)
    assert timing.repeated == 1
    assert inspect_data_set(data_set(recording())).timing is None


def test_time_that_runs_backwards_is_not_counted():
    timing = inspect_data_set(
        data_set(recording(), clocks=[Clock("a", np.array([1.0, 0.5, 0.4]))])
    ).timing
    assert np.isnan(timing.rates_hz).all() and not len(timing.deviations_s) and timing.gaps_s == ()


@pytest.mark.parametrize(
    ("recordings", "sentence"),
    [
        ((recording(), recording()), "looks like m/s^2 with gravity"),
        ((recording(gravity=0 * REST),), "looks like m/s^2 without gravity"),
        (
            (recording(), recording(), recording(gravity=0 * REST)),
            "looks like m/s^2 with gravity; 1 of 3 recordings look otherwise (1 as no gravity)",
        ),
    ],
)
def test_units(recordings, sentence):
    inspection = inspect_data_set(data_set(*recordings))
    assert describe_units(inspection) == sentence
    assert inspection.magnitudes[0] == pytest.approx(9.8 if "with g" in sentence else 0.45, abs=0.1)


def test_units_of_one_axis_are_unknown():
    samples = recording().samples[:, 2:3]
    one = DataSet(
        "mine",
        "",
        "",
        RATE_HZ,
        ("acc_z",),
        ("walk",),
        (LabelledRecording("a", "ada", samples, np.zeros(len(samples), np.int16)),),
    )
    inspection = inspect_data_set(one)
    assert describe_units(inspection).startswith("fewer than three accelerometer axes")
    assert not len(inspection.magnitudes)


def test_dead_and_saturated_channels():
    clipped = recording()
    clipped.samples[:, 0] = np.clip(clipped.samples[:, 0], -0.25, 0.25)
    clipped.samples[:, 4] = 0
    inspection = inspect_data_set(data_set(clipped))
    assert {
        channel.channel: channel.constant_in
        for channel in inspection.channels
        if channel.constant_in
    } == {"gyro_y": ("a",)}
    x = clipped.samples[:, 0]
    by_hand = sum(
        any(
            abs(x[i]) == 0.25 and (x[j : j + 3] == x[i]).all() and len(x[j : j + 3]) == 3
            for j in range(max(0, i - 2), i + 1)
        )
        for i in range(len(x))
    )
    assert {
        channel.channel: channel.saturated for channel in inspection.channels if channel.saturated
    } == {"acc_x": by_hand}
    assert by_hand > 0
    sentences = list_warnings(inspection)
    assert sentences[0] == (
        f"acc_x stays at -0.25 or 0.25 for three samples in a row or more, {by_hand} in all: does "
        "the sensor's range end there?"
    )
    assert sentences[1] == "gyro_y does not change in a: is that axis dead?"


def test_an_impossibly_fast_gyroscope():
    spiked = recording()
    spiked.samples[7, 5] = -400
    assert list_warnings(inspect_data_set(data_set(spiked))) == [
        "gyro_z reaches 400, more than a gyroscope in rad/s can: degrees per second, or a corrupt "
        "sample?"
    ]


# ---- as text


def test_the_text_without_timestamps():
    text = to_text(inspect_data_set(data_set(recording(), recording("b", "bo", 400, 1))))
    lines = text.splitlines()
    assert lines[0] == "mine: acc_x, acc_y, acc_z, gyro_x, gyro_y, gyro_z at 50 Hz"
    assert lines[1] == "2 recordings of 2 people, 6.8 min, of which 0.0 s without a label"
    assert "time     no timestamps: the data come on a uniform grid" in text
    assert "units    looks like m/s^2 with gravity\n" in text
    assert "walk            1       1        6.0        1\n" in text
    assert "run             1       1      400.0       80\n" in text
    assert max(map(len, lines)) <= 110


def test_the_text_with_timestamps():
    times_s = np.arange(0, 20, 0.02)
    times_s[500:] += 3
    clocks = [Clock("a", times_s), Clock("b", np.arange(0, 9, 0.0202))]
    text = to_text(inspect_data_set(data_set(recording(), clocks=clocks)))
    assert "rate     49.75 Hz measured (49.50 to 50.00 over the recordings)\n" in text
    assert "jitter   0.00 ms standard deviation of a step, 98 % within -0.00 and +0.00 ms" in text
    assert "gaps     1 gap, the longest 3.0 s" in text


def test_the_text_with_time_in_milliseconds():
    text = to_text(
        inspect_data_set(data_set(recording(), clocks=[Clock("a", np.arange(0, 9000, 20.0))]))
    )
    assert "time     no two samples within half a second of each other\n" in text


# ---- as a picture


def text_boxes(figure):
    """Return titles, names and annotations with their boxes, without the axes' numbers."""
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
def figures(monkeypatch):
    """Collect the figures that are saved."""
    saved = []
    savefig = Figure.savefig

    def collect(figure, *arguments, **options):
        saved.append(figure)
        savefig(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", collect)
    return saved


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
def test_no_text_overlaps_another_or_the_border(tmp_path, figures, channels, names):
    columns = [CHANNELS.index(name) for name in channels]
    recordings = []
    for label in range(len(names)):
        full = recording(f"r{label}", f"person {label % 3}", 6.0, label, seed=label)
        recordings.append(
            LabelledRecording(full.name, full.subject, full.samples[:, columns], full.labels)
        )
    jitter = np.random.default_rng(0).normal(0.02, 0.002, 500).cumsum()
    whole = DataSet("mine", "", "", 50.0, channels, names, tuple(recordings), (Clock("a", jitter),))
    draw_inspection(inspect_data_set(whole), tmp_path / "a.png")
    (figure,) = figures
    titles = text_boxes(figure)
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


def test_a_picture_that_cannot_be_written(tmp_path):
    place = tmp_path / "none" / "a.png"
    with pytest.raises(OutputError, match=r"a.png cannot be written"):
        draw_inspection(inspect_data_set(data_set(recording())), place)
