"""The recipes and targets of an export. Converters, command line and documentation go by them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How to quantise a network.

    Attributes:
        name: typed on the command line and recorded in the contract.
        summary: one line for ``--help`` and the model card.
        weights: stored type of the weights: float32, float16 or int8 (one scale per channel).
        activations: type the backbone computes in: float32, ``dynamic`` (float32, rounded to int8
            before each convolution), int8 or int16. The last two take their ranges from
            calibration windows.
    """

    name: str
    summary: str
    weights: str
    activations: str

    @property
    def calibrated(self) -> bool:
        """Whether calibration windows must give the ranges of the activations."""
        return self.activations in ("int8", "int16")


@dataclass(frozen=True)
class Target:
    """A kind of device, and the export settings that suit it. docs/export.md gives the reasons.

    Attributes:
        name: typed on the command line.
        summary: one line that describes the device.
        recipe: name of a :class:`Recipe`.
        io: type of images and probabilities, one of :data:`IO_TYPES`.
        front_end: ``host`` or ``graph``, see :class:`export.pipeline.Job`. LiteRT.js needs a batch
            of 1 and float32 or uint8 inputs; the raw window of ``graph`` is both.
    """

    name: str
    summary: str
    recipe: str = "int8"
    io: str = "float32"
    front_end: str = "host"


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="float32",
            summary="not quantised: the reference",
            weights="float32",
            activations="float32",
        ),
        Recipe(
            name="float16",
            summary="float16 weights, computed in float32",
            weights="float16",
            activations="float32",
        ),
        Recipe(
            name="dynamic-int8",
            summary="int8 weights; activations are rounded to int8 while it runs",
            weights="int8",
            activations="dynamic",
        ),
        Recipe(
            name="weight-int8",
            summary="int8 weights, computed in float32",
            weights="int8",
            activations="float32",
        ),
        Recipe(
            name="int8",
            summary="int8 weights and activations, calibrated: the smallest and fastest",
            weights="int8",
            activations="int8",
        ),
        Recipe(
            name="int8-int16",
            summary="int8 weights, int16 activations, calibrated",
            weights="int8",
            activations="int16",
        ),
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
DEFAULT_RECIPE = "int8"
DEFAULT_TARGET = "pi"
CONVERTERS = ("litert-torch", "onnx2tf")
IO_TYPES = ("float32", "int8", "uint8")
FRONT_ENDS = ("host", "graph")
