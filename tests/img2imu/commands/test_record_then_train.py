import numpy as np
import pytest

import edge_runtime
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.recordings import read_recording
from img2imu.cli import main
from img2imu.datasets.folder import load_folder

DEMO = f"{edge_runtime.__path__[0]}/data/demo.npz"


@pytest.fixture
def recorded(tmp_path):
    """Two takes of each of two motions, recorded out of the bundled recording, as ``img2imu record`` does."""
    pieces = {"walk": (0, 500, 250), "row": (1000, 500, 250)}
    recording = read_recording(DEMO)
    for label, (begin, length, each) in pieces.items():
        for take in range(length // each):
            piece = slice(begin + take * each, begin + (take + 1) * each)
            path = tmp_path / f"{label}{take}.npz"
            np.savez(
                path,
                time_s=recording.timestamps_s[piece],
                samples=recording.samples[piece],
                channels=np.array(CHANNELS),
            )
            assert (
                main(
                    [
                        "record",
                        "--source",
                        f"replay:{path}?speed=max",
                        "--label",
                        label,
                        "--countdown",
                        "0",
                        str(tmp_path / "data"),
                    ]
                )
                == 0
            )
    return tmp_path / "data"


def test_training_reads_what_was_recorded(recorded):
    data_set = load_folder(recorded)
    assert data_set.label_names == ("row", "walk")
    assert data_set.channels == CHANNELS and data_set.rate_hz == 50
    assert sorted(len(recording.samples) for recording in data_set.recordings) == [250] * 4
    demo = read_recording(DEMO).samples
    first = next(r for r in data_set.recordings if r.name.startswith("walk/"))
    assert any(
        np.allclose(first.samples, demo[begin : begin + 250], atol=1e-5) for begin in (0, 250)
    )


@pytest.mark.slow
def test_a_model_from_recordings_made_here(recorded, tmp_path):
    pytest.importorskip("torch")
    model = tmp_path / "my.npz"
    assert main(["train", str(recorded), "-o", str(model), "--window-s", "2"]) == 0
    assert model.exists()
