from types import SimpleNamespace

import numpy as np
import pytest

from edge_runtime.commands.run import DEMO_EXERCISES, DEMO_MODEL, DEMO_RECORDING
from edge_runtime.contract.container import read_model
from export.demo import bundle
from img2imu.datasets import load_data_set


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The bundle made anew, all but the conversion: the recording's path, and what would have been exported."""
    kept = []
    monkeypatch.setattr(bundle, "DEMO_RECORDING", tmp_path / "demo.npz")
    monkeypatch.setattr(
        bundle,
        "export_model",
        lambda *arguments: kept.append(arguments) or SimpleNamespace(n_bytes=1024),
    )
    bundle.main()
    return tmp_path / "demo.npz", kept[0]


def test_the_bundle_can_be_made_again(capsys, made):
    path, (classifier, header, target) = made
    with np.load(path) as found, np.load(DEMO_RECORDING) as bundled:
        assert set(found.files) == set(bundled.files)
        for name in found.files:
            np.testing.assert_array_equal(found[name], bundled[name])
    contract = read_model(DEMO_MODEL).contract
    assert target == DEMO_MODEL
    assert header.split_sha256 == contract.provenance.split_sha256
    assert tuple(classifier.classes_) == contract.labels
    assert "demo.tflite and demo.npz" in capsys.readouterr().out


def test_the_person_in_the_recording_was_not_learnt_from(made):
    _, (classifier, _, _) = made
    data_set = load_data_set("watch")
    with np.load(DEMO_RECORDING) as bundled:
        samples = bundled["samples"]
    begin = samples[:50]
    (person,) = {
        r.subject
        for r in data_set.recordings
        if any(
            (r.samples[i : i + 50] == begin).all()
            for i in np.flatnonzero((r.samples == begin[0]).all(1))
        )
    }
    theirs = {
        window[0].tobytes()
        for r in data_set.recordings
        if r.subject == person
        for window in r.samples[:, None]
    }
    assert not any(window[0].tobytes() in theirs for window in classifier.support_windows_)
    assert set(DEMO_EXERCISES) <= set(classifier.classes_)
