"""Read photographs from a folder or a zip, as raw material for the views of pre-training."""

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
# A picture shows more time than a view, so that two views can be two moments.
PICTURE_WIDTH = IMAGE_WIDTH * 3 // 2


@dataclass(frozen=True)
class Picture:
    """One photograph.

    Attributes:
        pixels: (3, height, width) uint8.
        damaged: indices of unreadable images that this one replaces.
    """

    pixels: torch.Tensor
    damaged: tuple[int, ...] = ()


class Images(Dataset[Picture]):
    """All images in a folder or a zip, at any depth.

    A picture is read like a spectrogram image: x is time, y is frequency (the highest on top), and
    red, green and blue are the three axes of a sensor. It is the centre of the photograph, squeezed
    to ``IMAGE_HEIGHT`` rows and ``PICTURE_WIDTH`` columns, and is the same for every seed. The two
    views of a picture must agree in their rows, because a crop in y would teach that all
    frequencies are alike. Views differ in time: see ``TimeCrop``.

    A damaged image is replaced by the next readable one, so that batches keep their size, and is
    reported.

    Args:
        place: folder or zip.
        at_most: use no more images than this, spread evenly over all in the order of their names.

    Attributes:
        names: of the images, sorted.
        others: number of files that are not images.

    Raises:
        DataError: no such place, a damaged zip, no image in it, or none that can be decoded.
    """

    def __init__(self, place: str | os.PathLike[str], at_most: int | None = None) -> None:
        self.place = Path(place)
        files = _names_in(self.place)
        self.names = sorted(filter(_is_image, files))
        self.others = len(files) - len(self.names)
        self._archive: tuple[int, zipfile.ZipFile] | None = None  # process and its open zip
        if not self.names:
            raise DataError(
                f"{self.place} has no image among its {len(files)} files, expected "
                f"{', '.join(sorted(SUFFIXES))}: give another folder or zip"
            )
        if at_most is not None and at_most < len(self.names):
            self.names = [self.names[i * len(self.names) // at_most] for i in range(at_most)]
        self[0]  # raises DataError if no image can be decoded

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Picture:
        damaged: list[int] = []
        for candidate in range(index, index + len(self)):
            position = candidate % len(self)
            try:
                return Picture(_decode(self._read(position)), tuple(damaged))
            # A damaged file can raise anything in a decoder, and must not end a run of days.
            except Exception:
                damaged.append(position)
        raise DataError(
            f"{self.place} has {len(self)} images and none can be decoded: give another folder or "
            "zip"
        )

    def __getstate__(self) -> dict[str, object]:
        # An open file cannot be sent to another process.
        return {**self.__dict__, "_archive": None}

    def _read(self, index: int) -> bytes:
        if self.place.is_dir():
            return (self.place / self.names[index]).read_bytes()
        # After a fork, two processes with one open file would share its position.
        if self._archive is None or self._archive[0] != os.getpid():
            self._archive = (os.getpid(), zipfile.ZipFile(self.place))
        return self._archive[1].read(self.names[index])


def _names_in(place: Path) -> list[str]:
    """Return the names of all files in a folder or a zip."""
    if place.is_dir():
        files = (path for path in place.rglob("*") if path.is_file())
        return [path.relative_to(place).as_posix() for path in files]
    try:
        with zipfile.ZipFile(place) as archive:
            return [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except FileNotFoundError:
        raise DataError(
            f"{place} does not exist, expected a folder or a zip of images: check the path"
        ) from None
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(
            f"{place} cannot be read as a zip ({error}), expected a folder or a zip of images: "
            "give another, or copy it again"
        ) from error


def _is_image(name: str) -> bool:
    """Return whether the name is an image's. Leftovers of a file system (``._1.jpg``) are not."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _decode(data: bytes) -> torch.Tensor:
    """Decode a file's bytes to pixels (3, IMAGE_HEIGHT, PICTURE_WIDTH) uint8."""
    with Image.open(io.BytesIO(data)) as image:
        # Decodes a JPEG at a half, a quarter or an eighth of its size if that is enough, which is
        # several times faster.
        image.draft("RGB", (2 * PICTURE_WIDTH, 2 * IMAGE_HEIGHT))
        fitted = ImageOps.fit(
            image.convert("RGB"), (PICTURE_WIDTH, IMAGE_HEIGHT), Image.Resampling.BILINEAR
        )
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).contiguous()


@dataclass(frozen=True)
class PictureBatch:
    """Pictures of one step.

    Attributes:
        pixels: (B, 3, height, width) uint8.
        damaged: indices of images that could not be read.
    """

    pixels: torch.Tensor
    damaged: frozenset[int]

    def pin_memory(self) -> PictureBatch:
        """Copy to page-locked memory, which a GPU reads directly. Called by the data loader."""
        return PictureBatch(self.pixels.pin_memory(), self.damaged)


def collate(pictures: Sequence[Picture]) -> PictureBatch:
    """Stack pictures to a batch."""
    return PictureBatch(
        pixels=torch.stack([picture.pixels for picture in pictures]),
        damaged=frozenset(index for picture in pictures for index in picture.damaged),
    )


def to_shades(pixels: torch.Tensor) -> torch.Tensor:
    """Convert pixels 0..255 (uint8) to shades -1..1, the scale of spectrogram images."""
    return pixels.float() / 127.5 - 1
