"""What a model file holds that was taught on a device: its part of the contract, and the arrays beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.head import LinearHead

MAX_BLOCK = 1 << 24  # values; far above any use
HEAD_ARRAYS = tuple(f"head_{f.name}" for f in fields(LinearHead))
ARRAYS = ("embeddings", "background", *HEAD_ARRAYS)


@dataclass(frozen=True)
class TaughtSpec:
    """What was taught, in the contract.

    Attributes:
        blocks: sizes of the embedding's blocks, in order, which the head weighs alike; they add up
            to d.
        windows: examples of each label, in the order of the labels.
        background_windows: windows of the background; with any, the head's last row is the
            background, whose probability belongs to no label.
        background_s: length of the background recording, seconds.
        false_triggers_per_hour: expected on more of the same background at ``decision.threshold``,
            or None.
        missed: share of the examples, each held out in turn, that stay below it, or None.
    """

    blocks: tuple[int, ...]
    windows: tuple[int, ...]
    background_windows: int = 0
    background_s: float = 0.0
    false_triggers_per_hour: float | None = None
    missed: float | None = None

    @property
    def embedding_size(self) -> int:
        """Values of an embedding, d."""
        return sum(self.blocks)

    @property
    def rows(self) -> int:
        """Rows of the head: one per label, and one for the background; 0 while there is nothing to tell apart."""
        rows = len(self.windows) + (self.background_windows > 0)
        return rows if self.windows and rows >= 2 else 0

    def rules(self, labels: tuple[str, ...]) -> Iterator[tuple[bool, str, object, str]]:
        """What must hold: whether it does, where, the value, and what is expected."""
        yield (
            len(self.blocks) >= 1 and all(1 <= size <= MAX_BLOCK for size in self.blocks),
            "taught.blocks",
            self.blocks,
            "one size or more, each 1 or more",
        )
        yield (
            len(self.windows) == len(labels) and all(n >= 1 for n in self.windows),
            "taught.windows",
            self.windows,
            f"{len(labels)} numbers, each 1 or more",
        )
        yield (
            self.background_windows >= 0,
            "taught.background_windows",
            self.background_windows,
            "0 or more",
        )
        yield self.background_s >= 0, "taught.background_s", self.background_s, "0 or more"
        for name, most in (("false_triggers_per_hour", float("inf")), ("missed", 1.0)):
            value = getattr(self, name)
            yield (
                value is None or 0 <= value <= most,
                f"taught.{name}",
                value,
                f"0 to {most:g}, or null",
            )


@dataclass(frozen=True, eq=False)
class Taught:
    """The arrays of a taught file, ``taught/NAME.f32`` in its zip, so that teaching can go on elsewhere.

    Attributes:
        embeddings: (n, d) float32, of every example, label by label as ``TaughtSpec.windows``
            counts them.
        background: (b, d) float32, in the order of time.
        head: fitted on them, a row for each label and then one for the background; None while there
            is nothing to tell apart.
    """

    embeddings: Float32Array
    background: Float32Array
    head: LinearHead | None

    def arrays(self) -> dict[str, Float32Array]:
        """By their names in the file."""
        head = (
            {}
            if self.head is None
            else {f"head_{f.name}": getattr(self.head, f.name) for f in fields(LinearHead)}
        )
        return {"embeddings": self.embeddings, "background": self.background, **head}

    @staticmethod
    def from_arrays(arrays: dict[str, Float32Array], spec: TaughtSpec) -> Taught:
        """From flat arrays by their names in the file.

        Raises:
            ValueError: sizes that the contract does not allow.
        """
        d, rows = spec.embedding_size, spec.rows
        shapes = {
            "embeddings": (sum(spec.windows), d),
            "background": (spec.background_windows, d),
            "head_mean": (d,),
            "head_inverse_std": (d,),
            "head_weights": (rows, d),
            "head_bias": (rows,),
        }
        shaped = {name: values.reshape(shapes[name]) for name, values in arrays.items()}
        for name, values in shaped.items():
            if not np.isfinite(values).all():
                raise ValueError(f"{name} holds values that are no numbers")
        head = None
        if rows:
            head = LinearHead(
                **{f.name: shaped[f"head_{f.name}"].astype(np.float64) for f in fields(LinearHead)}
            )
        return Taught(shaped["embeddings"], shaped["background"], head)

    @staticmethod
    def names(spec: TaughtSpec) -> tuple[str, ...]:
        """Of the arrays that a file has."""
        return ARRAYS if spec.rows else ARRAYS[:2]
