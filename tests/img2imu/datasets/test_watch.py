import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

from edge_runtime.errors import DataError, MissingExtraError
from img2imu.datasets.watch import load_watch


def test_people_exercises_and_units():
    watch = load_watch()
    assert len(watch.recordings) == 140
    assert {recording.subject for recording in watch.recordings} == {
        str(number) for number in range(1, 11)
    }
    assert watch.label_names == ("PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW")
    assert watch.rate_hz == 50
    for recording in watch.recordings:
        assert recording.samples.dtype == np.float32
        assert len(np.unique(recording.labels)) == 1
    medians = [
        np.median(np.linalg.norm(recording.samples[:, :3], axis=1))
        for recording in watch.recordings
    ]
    assert 9 < np.median(medians) < 12  # m/s^2


def test_without_seglearn(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r'seglearn.*pip install "img2imu\[demo\]"'):
        load_watch()


def test_other_bytes_are_not_unpickled(monkeypatch, tmp_path):
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: package)
    with pytest.raises(DataError, match="cannot be read"):
        load_watch()
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "data" / "watch_dataset.npy", np.array({"X": []}), allow_pickle=True)
    monkeypatch.setattr(np, "load", lambda *_arguments, **_options: pytest.fail("unpickled"))
    with pytest.raises(DataError, match=r"has the sha256 .*expected eb122f23cdf0.*force-reinstall"):
        load_watch()
