"""Photographs from a folder or a zip, as raw material for the views of contrastive pre-training."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.utils.data import Dataset

from edge_runtime.errors import DataError
from edge_runtime.frontend.design import IMAGE_HEIGHT, IMAGE_WIDTH

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
PICTURE_WIDTH = (
    IMAGE_WIDTH * 3 // 2
)  # more time than a view shows, so that two views can be two moments


@dataclass(frozen=True)
class Picture:
    """One photograph.

    Attributes:
        pixels: (3, height, width) uint8.
        damaged: indices of images that could not be read and that this one stands in for.
    """

    pixels: torch.Tensor
    damaged: tuple[int, ...] = ()


class Images(Dataset[Picture]):
    """Every image below a folder or in a zip, at any depth.

    A picture is read as a spectrogram image would be: x is time, y is frequency (the highest on
    top), and red, green and blue are the three axes of a sensor. The centre of a photograph,
    squeezed to ``IMAGE_HEIGHT`` rows and ``PICTURE_WIDTH`` columns, is always the same, whatever
    the seed: the two views of a picture must agree in their rows, since a crop in y would teach
    that all frequencies are alike. Views differ in time: see ``TimeCrop``.

    A damaged image is replaced by the next that can be read, so that batches keep their size, and
    is reported.

    Args:
        place: folder or zip.
        at_most: take no more images than this, evenly spread over all in the order of their names.

    Raises:
        DataError: no such place, a damaged zip, no image in it, or none that can be decoded.
    """

    def __init__(self, place: str | os.PathLike[str], at_most: int | None = None) -> None:
        self.place = Path(place)
        if self.place.is_dir():
            found = [
                path.relative_to(self.place).as_posix()
                for path in self.place.rglob("*")
                if path.is_file()
            ]
        else:
            found = _names_in_zip(self.place)
        self.names = sorted(filter(_is_image, found))
        self.others = len(found) - len(self.names)
        self._archive: tuple[int, zipfile.ZipFile] | None = None
        if not self.names:
            raise DataError(
                f"{self.place} has no image among its {len(found)} files, expected "
                f"{', '.join(sorted(SUFFIXES))}: give another folder or zip"
            )
        if at_most is not None and at_most < len(self.names):
            self.names = [self.names[i * len(self.names) // at_most] for i in range(at_most)]
        self[0]  # refuses a place of which nothing can be decoded

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Picture:
        damaged: list[int] = []
        for candidate in range(index, index + len(self)):
            try:
                return Picture(_decode(self._read(candidate % len(self))), tuple(damaged))
            except (
                Exception
            ):  # a damaged file can provoke anything in a decoder, and must not end a run of days
                damaged.append(candidate % len(self))
        raise DataError(
            f"{self.place} has {len(self)} images and none can be decoded: give another folder or zip"
        )

    def __getstate__(self) -> dict[str, object]:
        return {
            **self.__dict__,
            "_archive": None,
        }  # an open file does not travel to another process

    def _read(self, index: int) -> bytes:
        if self.place.is_dir():
            return (self.place / self.names[index]).read_bytes()
        if (
            self._archive is None or self._archive[0] != os.getpid()
        ):  # after a fork two would share one file position
            self._archive = os.getpid(), zipfile.ZipFile(self.place)
        return self._archive[1].read(self.names[index])


@dataclass(frozen=True)
class Batch:
    """Pictures for one step: pixels (B, 3, height, width) uint8, and indices of images found to be damaged."""

    pixels: torch.Tensor
    damaged: frozenset[int]

    def pin_memory(self) -> Batch:
        """The same in memory that a GPU can read by itself; the loader calls it."""
        return Batch(self.pixels.pin_memory(), self.damaged)


def collate(pictures: Sequence[Picture]) -> Batch:
    """Pictures to a batch."""
    return Batch(
        torch.stack([p.pixels for p in pictures]), frozenset(i for p in pictures for i in p.damaged)
    )


def to_shades(pixels: torch.Tensor) -> torch.Tensor:
    """Pixels 0..255 (uint8) to shades -1..1, the scale of spectrogram images."""
    return pixels.float() / 127.5 - 1


def _names_in_zip(place: Path) -> list[str]:
    try:
        with zipfile.ZipFile(place) as archive:
            return [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except FileNotFoundError:
        raise DataError(
            f"{place} does not exist, expected a folder or a zip of images: check the path"
        ) from None
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{place} cannot be read as a zip ({error}), expected a folder or a zip of images: "
            "give another, or copy it again"
        ) from error


def _is_image(name: str) -> bool:
    """By its name; a file system's leftovers (``._1.jpg``) are none."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _decode(data: bytes) -> torch.Tensor:
    """A file's bytes to pixels (3, IMAGE_HEIGHT, PICTURE_WIDTH) uint8."""
    with Image.open(io.BytesIO(data)) as image:
        # A JPEG is decoded at a half, a quarter or an eighth of its size when that is enough:
        # several times faster.
        image.draft("RGB", (2 * PICTURE_WIDTH, 2 * IMAGE_HEIGHT))
        fitted = ImageOps.fit(
            image.convert("RGB"), (PICTURE_WIDTH, IMAGE_HEIGHT), Image.Resampling.BILINEAR
        )
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).contiguous()
