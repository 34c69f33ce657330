"""All that a run needs to go on exactly where it stopped."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from edge_runtime.errors import DataError
from edge_runtime.files import atomic_write

FORMAT = 1
REMEDY = "give the .checkpoint.pt that img2imu pretrain wrote"


def write_checkpoint(path: Path, run: dict[str, Any], state: dict[str, Any]) -> None:
    """Write what the run is (plain values), and its state (tensors)."""
    with atomic_write(path) as file:
        torch.save({"format": FORMAT, "run": run, "state": state}, file)


def read_checkpoint(path: Path, run: dict[str, Any]) -> dict[str, Any]:
    """The state of a checkpoint of the same run.

    Raises:
        DataError: no checkpoint, one of another version, or one of a run that differs: another
            architecture, batch size, seed, set of images.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(
            f"the checkpoint {path} does not exist: check the path, or leave out --resume"
        ) from None
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        KeyError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ):
        raise DataError(f"{path} cannot be read as a checkpoint: {REMEDY}") from None
    if not isinstance(content, dict) or not {"format", "run", "state"} <= set(content):
        raise DataError(
            f"{path} is no checkpoint of a pre-training run (weights alone, perhaps): {REMEDY}"
        )
    if content["format"] != FORMAT:
        raise DataError(
            f"{path} has the format {content['format']}, expected {FORMAT}: resume with the version of "
            "img2imu that wrote it"
        )
    for name, value in run.items():
        if content["run"].get(name) != value:
            raise DataError(
                f"{path} is of a run with {name} {_show(content['run'].get(name))}, but this one has "
                f"{_show(value)}: pass the same, or start anew without --resume"
            )
    state: dict[str, Any] = content["state"]
    return state


def _show(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
