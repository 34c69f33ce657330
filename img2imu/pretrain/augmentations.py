"""Augmentations: what happens to sensors, applied to pictures.

x is time, y is frequency, and the colours are the axes of a sensor. There is no vertical flip, no
rotation and no vertical crop, and there must be none. They would present one frequency as another,
and recognition depends on which frequency it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

from edge_runtime.errors import DataError
from edge_runtime.frontend.design import IMAGE_WIDTH

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
APPLIED_SHARE = 0.8  # the probability of colour jitter in SimCLR and MoCo v2
RANGE_DB = 80.0  # from shade -1 to +1: both spans of edge_runtime.frontend.design.LIMITS_DB
SHADES_PER_DB = 2 / RANGE_DB
NEPERS_PER_SHADE = math.log(10) / 10 / SHADES_PER_DB


class Augmenter:
    """Makes a view of each picture. Two calls make two different views.

    Args:
        names: out of :data:`AUGMENTATIONS`; by default all. They are applied in the order of that
            table.
        share: of the images that each augmentation is applied to. ``time-crop`` is applied to all.

    Raises:
        DataError: an unknown name.
    """

    def __init__(self, names: Sequence[str] | None = None, share: float = APPLIED_SHARE) -> None:
        if names is None:
            names = tuple(AUGMENTATIONS)
        unknown = [name for name in names if name not in AUGMENTATIONS]
        if unknown:
            raise DataError(
                f"there is no augmentation {unknown[0]!r}, expected some of "
                f"{', '.join(AUGMENTATIONS)}: correct the name or leave it out"
            )
        self.names = tuple(name for name in AUGMENTATIONS if name in names)
        self.share = share
        self._crop: Augmentation | None = TimeCrop() if "time-crop" in names else None
        self._others = [AUGMENTATIONS[name]() for name in self.names if name != "time-crop"]

    def __call__(self, pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return a view of each picture.

        Args:
            pictures: (B, 3, IMAGE_HEIGHT, PICTURE_WIDTH) in -1..1, on any device.
            generator: of all draws, on the same device.

        Returns:
            (B, 3, IMAGE_HEIGHT, IMAGE_WIDTH) in -1..1.
        """
        views = self._crop(pictures, generator) if self._crop else centre_columns(pictures)
        for augmentation in self._others:
            draws = torch.rand(len(views), 1, 1, 1, generator=generator, device=views.device)
            views = torch.where(draws < self.share, augmentation(views, generator), views)
        return views


# ---- the motion


@dataclass(frozen=True)
class TimeCrop:
    """Stretches part of a picture's columns to the width of an image. Rows stay where they are.

    Physically: a window begins at a random moment, and the same motion is done faster or slower. A
    slower repetition stretches everything along x. This is SimCLR's random resized crop (Chen et
    al. 2020) in x only. In y it would present one frequency as another.

    Args:
        min_share: least share of the picture's columns in a view.
        max_share: greatest share.
        width: of a view, columns.
    """

    min_share: float = 0.5
    max_share: float = 1.0
    width: int = IMAGE_WIDTH

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return views (B, 3, H, width) of pictures (B, 3, H, W)."""
        b, w = images.shape[0], images.shape[3]
        share, place = torch.rand(2, b, 1, generator=generator, device=images.device)
        # Number of columns in the view, (B, 1).
        cropped = (self.min_share + (self.max_share - self.min_share) * share) * w
        steps = (torch.arange(self.width, device=images.device) + 0.5) / self.width
        centres = (place * (w - cropped) + cropped * steps - 0.5).clamp(0, w - 1)  # (B, width)
        left = centres.floor()
        weight = (centres - left)[:, None, None, :]
        after = take_columns(images, (left + 1).clamp(max=w - 1).long())
        return torch.lerp(take_columns(images, left.long()), after, weight)


def centre_columns(images: torch.Tensor, width: int = IMAGE_WIDTH) -> torch.Tensor:
    """Return the middle columns of pictures (B, 3, H, W): the view without a ``TimeCrop``."""
    start = (images.shape[3] - width) // 2
    return images[..., start : start + width]


def take_columns(images: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return whole columns of each image. Frequencies stay where they are.

    Args:
        images: (B, C, H, W).
        columns: (B, V) int64 in 0..W - 1.

    Returns:
        (B, C, H, V).
    """
    b, c, h, _ = images.shape
    return images.gather(3, columns[:, None, None, :].expand(b, c, h, columns.shape[1]))


@dataclass(frozen=True)
class TimeShift:
    """Moves images along x.

    Physically: windows are cut from a stream at any moment of a motion.

    Args:
        max_share: of the width, in either direction.
        mode: what enters at one side. ``"wrap"``: the columns that left at the other side, which
            suits repeated motions. ``"edge"``: copies of the outermost column.
    """

    max_share: float = 0.5
    mode: Literal["wrap", "edge"] = "wrap"

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return images (B, 3, H, W) of the same shape."""
        b, w = images.shape[0], images.shape[3]
        furthest = int(self.max_share * w)
        shift = torch.randint(
            -furthest, furthest + 1, (b, 1), generator=generator, device=images.device
        )
        columns = torch.arange(w, device=images.device) - shift
        return take_columns(images, columns % w if self.mode == "wrap" else columns.clamp(0, w - 1))


@dataclass(frozen=True)
class TimePermutation:
    """Cuts images along x, and shuffles the pieces.

    Physically: activities repeat, and the repetition or phase at the start of a window says nothing
    about the activity (permutation of Um et al. 2017, there on raw signals). Leave it out where the
    order makes the class, as in gestures.

    Args:
        max_pieces: 2 to this number, of random lengths.
    """

    max_pieces: int = 4

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return images (B, 3, H, W) of the same shape."""
        b, w = images.shape[0], images.shape[3]
        device = images.device
        # Rank the w - 1 places between columns at random, and cut at the first few.
        rank = torch.rand(b, w - 1, generator=generator, device=device).argsort(1).argsort(1)
        cuts = torch.randint(1, self.max_pieces, (b, 1), generator=generator, device=device)
        piece = functional.pad((rank < cuts).long().cumsum(1), (1, 0))  # of each column, (B, W)
        turn = torch.rand(b, w, generator=generator, device=device).argsort(1)  # of each piece
        columns = (turn.gather(1, piece) * w + torch.arange(w, device=device)).argsort(1)
        return take_columns(images, columns)


# ---- how the sensor is worn


def to_power(shades: torch.Tensor) -> torch.Tensor:
    """Convert shades to power. Shade 0 has the power 1."""
    return torch.exp(shades * NEPERS_PER_SHADE)


def to_shades(power: torch.Tensor) -> torch.Tensor:
    """Convert power to shades, clipped to -1..1 as by the front end."""
    return (torch.log(power) / NEPERS_PER_SHADE).clamp(-1, 1)


@dataclass(frozen=True)
class AxisMixing:
    """Mixes the colours of every pixel as a rotation of the sensor mixes its axes.

    Physically: a rotation R turns a sample's axes a into R a. The power p of uncorrelated axes then
    becomes (R * R) p, with the elements of R squared. Their rows and columns sum to 1, so every
    pixel keeps its total power and no shade leaves the range. On the picture this is a change of
    hue. A permutation of the axes (a sensor worn upside down or sideways) exchanges red, green and
    blue.

    Args:
        max_degrees: of the rotation, about a random axis.
        permuted_share: of the images whose axes are also permuted.
    """

    max_degrees: float = 45.0
    permuted_share: float = 0.5

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return images (B, 3, H, W) of the same shape."""
        mixing = self.draw(len(images), generator, images.device)
        return to_shades(torch.einsum("bij,bjhw->bihw", mixing, to_power(images)))

    def draw(self, n: int, generator: torch.Generator, device: torch.device) -> torch.Tensor:
        """Return matrices (n, 3, 3) that mix the axes' powers. Rows and columns sum to 1."""
        axis = functional.normalize(torch.randn(n, 3, generator=generator, device=device))
        angle = torch.rand(n, generator=generator, device=device) * math.radians(self.max_degrees)
        places = torch.rand(n, 3, generator=generator, device=device).argsort(1)
        kept = torch.rand(n, 1, generator=generator, device=device) >= self.permuted_share
        places = torch.where(kept, torch.arange(3, device=device), places)
        return rotations(axis, angle).square().gather(1, places[:, :, None].expand(n, 3, 3))


def rotations(axis: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Return rotations (n, 3, 3) about unit vectors (n, 3) by angles (n,) in radians.

    By Rodrigues' formula.
    """
    x, y, z = axis.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)
    sine = angle.sin()[:, None, None]
    cosine = angle.cos()[:, None, None]
    return torch.eye(3, device=axis.device) + sine * cross + (1 - cosine) * cross @ cross


@dataclass(frozen=True)
class Gain:
    """Changes brightness and contrast.

    Physically: shades are decibels. Brightness is the level (a vigorous or a weak person, a sensor
    at the wrist or at the elbow). Contrast is the range between loud and soft (a tight strap or a
    loose pocket). Shades beyond -1..1 are clipped, as by the front end.

    Args:
        max_db: greatest change of the level, in either direction.
        max_contrast: greatest factor on the differences from the image's mean. The least factor is
            its reciprocal.
    """

    max_db: float = 12.0
    max_contrast: float = 1.3

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return images (B, 3, H, W) of the same shape."""
        level, spread = (
            2 * torch.rand(2, len(images), 1, 1, 1, generator=generator, device=images.device) - 1
        )
        mean = images.mean((1, 2, 3), keepdim=True)
        contrasted = mean + (images - mean) * torch.exp(spread * math.log(self.max_contrast))
        changed: torch.Tensor = contrasted + level * self.max_db * SHADES_PER_DB
        return changed.clamp(-1, 1)


# ---- what the sensor and the link lose


@dataclass(frozen=True)
class SensorNoise:
    """Adds a floor of white noise on each axis, and random changes of the levels.

    Physically: the noise of a cheap sensor has the same power at all frequencies. Power adds, so
    noise fills the dark parts and leaves the bright ones. The power of noise in one bin of one
    frame is exponentially distributed. The levels of a repeated motion vary by some decibels from
    bin to bin.

    Args:
        max_floor_db: mean power of the noise, above the darkest shade.
        waver_db: standard deviation of the levels.
    """

    max_floor_db: float = 30.0
    waver_db: float = 2.0

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return images (B, 3, H, W) of the same shape."""
        axes = (*images.shape[:2], 1, 1)
        floor_db = torch.rand(axes, generator=generator, device=images.device) * self.max_floor_db
        noise = torch.empty_like(images).exponential_(generator=generator) * to_power(
            floor_db * SHADES_PER_DB - 1
        )
        waver = (
            torch.randn(images.shape, generator=generator, device=images.device)
            * self.waver_db
            * SHADES_PER_DB
        )
        return (to_shades(to_power(images) + noise) + waver).clamp(-1, 1)


@dataclass(frozen=True)
class ResolutionLoss:
    """Shrinks images along x by a random factor, and stretches them again. Rows stay as they are.

    Physically: a longer frame or a larger step smears events in time. Short windows give few
    frames, which are stretched to the image's width. The same in y would move energy from one
    frequency to its neighbours.

    Args:
        max_factor: the width is divided by 1 to this.
    """

    max_factor: int = 4

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return images (B, 3, H, W) of the same shape."""
        device = images.device
        w = images.shape[3]
        blurs = torch.stack([blur(w, factor) for factor in range(1, self.max_factor + 1)])
        blurs = blurs.to(device)
        choice = torch.randint(len(blurs), (len(images),), generator=generator, device=device)
        return torch.einsum("bchw,bwv->bchv", images, blurs[choice])


def blur(width: int, factor: int) -> torch.Tensor:
    """Return the matrix that shrinks columns by ``factor`` and stretches them again.

    Returns:
        (width, width). Each column sums to 1.
    """
    narrow = functional.adaptive_avg_pool1d(torch.eye(width)[None], -(-width // factor))
    return functional.interpolate(narrow, width, mode="linear")[0]


@dataclass(frozen=True)
class TimeMasking:
    """Silences some neighbouring columns (SpecAugment's time mask, Park et al. 2019).

    Physically: a radio link drops out, or a motion pauses.

    Args:
        max_share: of the width.
        shade: of the silence.
    """

    max_share: float = 0.25
    shade: float = -1.0

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return images (B, 3, H, W) of the same shape."""
        b, w = images.shape[0], images.shape[3]
        share, place = torch.rand(2, b, 1, generator=generator, device=images.device)
        length = (share * self.max_share * w).round()
        start = (place * (w - length)).round()
        columns = torch.arange(w, device=images.device)
        masked = (columns >= start) & (columns < start + length)  # (B, W)
        return images.masked_fill(masked[:, None, None, :], self.shade)


# In the order in which they are applied: the motion, then how the sensor is worn, then what the
# sensor and the link lose.
AUGMENTATIONS: dict[str, Callable[[], Augmentation]] = {
    "time-crop": TimeCrop,
    "time-shift": TimeShift,
    "time-permutation": TimePermutation,
    "axis-mixing": AxisMixing,
    "gain": Gain,
    "sensor-noise": SensorNoise,
    "resolution-loss": ResolutionLoss,
    "time-masking": TimeMasking,
}
