"""Tiny files in the layout that readme.pdf in the published archive describes."""

import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets.pamap2 import load_pamap2

NAN = float("nan")


def rows(n=600, activity=4, start_s=8.38):
    """Return rows of 54 columns. The columns that must not be read hold 77."""
    table = np.full((n, 54), 77.0)
    table[:, 0] = start_s + np.arange(n) / 100
    table[:, 1] = activity
    table[:, 2] = NAN  # the heart rate is measured nine times a second
    table[:, 4:7] = [0.5, 9.7, 1.5]
    table[:, 10:13] = np.sin(table[:, :1] + np.arange(3))
    return table


def text(table):
    return "".join(
        " ".join("NaN" if np.isnan(v) else f"{v:.6g}" for v in row) + "\n" for row in table
    )


def load(published, tables, how="zip"):
    files = {
        f"PAMAP2_Dataset/Protocol/subject{number}.dat": text(table)
        for number, table in tables.items()
    }
    return load_pamap2(
        published(
            files | {"PAMAP2_Dataset/Optional/subject101.dat": "left out"},
            how,
            inner="PAMAP2_Dataset.zip",
        )
    )


@pytest.mark.parametrize("how", ["folder", "zip", "nested"])
def test_the_published_layout(published, how):
    mixed = np.vstack([rows(200, 0), rows(200, 4, 10.38), rows(200, 24, 12.38)])
    data_set = load(published, {101: mixed, 109: rows(300, 24)}, how)
    first, second = data_set.recordings
    assert (first.subject, second.subject, data_set.rate_hz) == ("101", "109", 100)
    assert np.allclose(first.samples[:, :3], [0.5, 9.7, 1.5], atol=1e-4)
    assert np.allclose(first.samples[:, 3:], np.sin(mixed[:, :1] + np.arange(3)), atol=1e-3)
    names = [data_set.label_names[label] if label >= 0 else "" for label in first.labels]
    assert names == [""] * 200 + ["walking"] * 200 + ["rope_jumping"] * 200


def test_short_holes_are_filled_and_long_ones_cut(published):
    table = rows()
    table[100:110, 10] = NAN  # 0.1 s
    table[300:400, 4] = NAN  # 1 s
    first, second = load(published, {101: table}).recordings
    assert (len(first.samples), len(second.samples)) == (300, 200)
    assert np.allclose(first.samples[:, 3], np.sin(table[:300, 0]), atol=2e-3)
    assert np.isfinite(second.samples).all()


def test_other_numbers(published):
    with pytest.raises(DataError, match=r"has 600 rows and the unknown activities \[9\], expected"):
        load(published, {101: rows(activity=9)})
