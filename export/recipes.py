"""Every recipe and every target: the one table that the converters, the command line and the documentation go by."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """How a network is made small.

    Attributes:
        name: as typed, and as it stands in the contract.
        summary: one line for people.
        weights: type that weights are stored in: float32, float16 or int8 (int8 with a scale per
            channel).
        activations: type that the backbone computes in: float32, ``dynamic`` (float32, rounded to
            int8 before each convolution), int8 or int16 (both with ranges from calibration).
    """

    name: str
    summary: str
    weights: str
    activations: str

    @property
    def calibrated(self) -> bool:
        """Whether it needs windows to learn the ranges of activations from."""
        return self.activations in ("int8", "int16")


@dataclass(frozen=True)
class Target:
    """Where a model file is to run, and what suits it there; docs/export.md gives the reasons.

    Attributes:
        name: as typed.
        summary: one line for people.
        recipe: name of a :class:`Recipe`.
        io: type of images and probabilities.
        front_end: ``host`` or ``graph``, see :class:`export.pipeline.Job`. LiteRT.js wants a batch
            of 1 and float32 or uint8: a raw window is both.
    """

    name: str
    summary: str
    recipe: str = "int8"
    io: str = "float32"
    front_end: str = "host"


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("float32", "nothing is rounded: the reference", "float32", "float32"),
        Recipe("float16", "weights of half the size, computed in float32", "float16", "float32"),
        Recipe(
            "dynamic-int8",
            "int8 weights; activations are rounded to int8 as they come",
            "int8",
            "dynamic",
        ),
        Recipe("weight-int8", "int8 weights, computed in float32", "int8", "float32"),
        Recipe(
            "int8",
            "int8 weights and activations, calibrated: the smallest and fastest",
            "int8",
            "int8",
        ),
        Recipe("int8-int16", "int8 weights, 16-bit activations, calibrated", "int8", "int16"),
    )
}
TARGETS = {
    target.name: target
    for target in (
        Target("pi", "Raspberry Pi and other Linux boards, with img2imu run"),
        Target("android", "Android phones, with LiteRT", front_end="graph"),
        Target("web", "web pages, with LiteRT.js", front_end="graph"),
    )
}
DEFAULT_RECIPE, DEFAULT_TARGET = "int8", "pi"
CONVERTERS = ("litert-torch", "onnx2tf")
IO_TYPES = ("float32", "int8", "uint8")
FRONT_ENDS = ("host", "graph")


def recipe_named(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UserError: there is none.
    """
    if name not in RECIPES:
        raise UserError(
            f"the recipe is {name!r}, expected one of {', '.join(RECIPES)}: choose one of them"
        )
    return RECIPES[name]
