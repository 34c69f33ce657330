"""The network: a LiteRT interpreter behind one call."""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import Contract
from edge_runtime.delegate import operators_outside
from edge_runtime.errors import ContractError, UserError
from edge_runtime.frontend import Features
from edge_runtime.frontend.statistics import WindowStatistics

Array = npt.NDArray[np.float32]

# distribution and module of each interpreter, best first: LiteRT's own package, its old name, the whole of TensorFlow
RUNTIMES = (("ai-edge-litert", "ai_edge_litert.interpreter"),
            ("tflite-runtime", "tflite_runtime.interpreter"),
            ("tensorflow", "tensorflow.lite.python.interpreter"))
# names in the model's signature, in the order of the exported module
INPUTS = {field.name: f"args_{i}" for i, field in enumerate(fields(Features))}
WINDOW = "args_0"  # the only input of a network with the front end inside
PROBABILITIES, EMBEDDING = "output_0", "output_1"
FLOAT_ONLY = (np.float32,)
IO_TYPES = (np.float32, np.int8, np.uint8)  # of images and probabilities


def load_interpreter() -> tuple[Any, str]:
    """The first runtime that is installed: its ``Interpreter`` class, and its name and version."""
    for distribution, module in RUNTIMES:
        try:
            interpreter = importlib.import_module(module).Interpreter
        except ImportError:
            continue
        try:
            return interpreter, f"{distribution} {importlib.metadata.version(distribution)}"
        except importlib.metadata.PackageNotFoundError:  # the same module from another distribution: tensorflow-cpu
            return interpreter, distribution
    raise UserError("no TensorFlow Lite runtime is installed, expected one of "
                    f"{', '.join(d for d, _ in RUNTIMES)}: pip install ai-edge-litert")


def as_tensors(given: Features | Array) -> dict[str, Array]:
    """One window's features as the network's inputs, by their names in the signature; images are a batch already.

    Args:
        given: features, or for a network with the front end inside, the raw window (window_samples, channels).
    """
    if not isinstance(given, Features):
        return {WINDOW: given[None]}
    return {name: given.images if field == "images" else getattr(given, field)[None] for field, name in INPUTS.items()}


class Model:
    """A loaded ``.tflite`` that takes features, or raw windows, and gives probabilities and the embedding.

    Args:
        tflite: the file's bytes.
        contract: what it takes and gives.
        threads: CPU threads of the interpreter; one is fastest for networks this small.

    Attributes:
        runtime: name and version of the interpreter in use.
        threads: as given.
        takes_windows: whether the front end is inside the network, so that it takes the window as it is.

    Raises:
        ContractError: the interpreter refuses the file, or its tensors do not fit the contract.
    """

    def __init__(self, tflite: bytes, contract: Contract, threads: int = 1) -> None:
        if threads < 1:
            raise UserError(f"threads is {threads}, expected 1 or more")
        interpreter_class, self.runtime = load_interpreter()
        self.threads = threads
        try:
            self._interpreter = interpreter_class(model_content=tflite, num_threads=threads)
            self._interpreter.allocate_tensors()
            inputs, outputs = self._signature()
            self.takes_windows = set(inputs) == {WINDOW} and len(inputs[WINDOW]["shape"]) == 3
            self._inputs = {name: inputs[name] for name in ([WINDOW] if self.takes_windows else INPUTS.values())}
            self._probabilities, self._embedding = outputs[PROBABILITIES], outputs[EMBEDDING]
        except (ValueError, RuntimeError, KeyError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ContractError(f"{self.runtime} cannot load the network in the model file ({reason}): copy or export "
                                "the model again") from error
        self._check(contract)

    def infer(self, given: Features | Array) -> tuple[Array, Array]:
        """One window's features to probabilities (labels,) and embedding (d,), float32.

        Args:
            given: features, or where :attr:`takes_windows`, the raw window (window_samples, channels) float32.
        """
        for name, values in as_tensors(given).items():
            tensor = self._inputs[name]
            self._interpreter.set_tensor(tensor["index"], _stored(values, tensor))
        self._interpreter.invoke()
        return self._output(self._probabilities), self._output(self._embedding)

    @property
    def outside_delegate(self) -> tuple[str, ...] | None:
        """See :func:`edge_runtime.delegate.operators_outside`."""
        return operators_outside(self._interpreter)

    def _output(self, tensor: dict[str, Any]) -> Array:
        """Values of an output, without its leading axis."""
        values = self._interpreter.get_tensor(tensor["index"])[0]
        if tensor["dtype"] == np.float32:
            return np.asarray(values)
        scale, zero = tensor["quantization"]
        return np.asarray((values.astype(np.float32) - np.float32(zero)) * np.float32(scale))

    def _signature(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Tensor details by signature name; names, not positions, since quantising reorders tensors."""
        runner = self._interpreter.get_signature_runner()
        return runner.get_input_details(), runner.get_output_details()

    def _expected(self, contract: Contract) -> list[tuple[dict[str, Any], str, tuple[Any, ...], tuple[int, ...]]]:
        """Tensors with what they are, which types they may have, and their shapes by the contract."""
        front, channels = contract.front_end, len(contract.stream.channels)
        answers = (self._probabilities, "probabilities", IO_TYPES, (1, len(contract.labels)))
        if self.takes_windows:
            return [(self._inputs[WINDOW], "windows", FLOAT_ONLY, (1, contract.window_samples, channels)), answers]
        return [(self._inputs[INPUTS["images"]], "images", IO_TYPES,
                 (front.n_images, front.image_height, front.image_width, 3)),
                (self._inputs[INPUTS["statistics"]], "statistics", FLOAT_ONLY,
                 (1, WindowStatistics.of(contract).size)), answers]

    def _check(self, contract: Contract) -> None:
        for tensor, name, types, shape in self._expected(contract):
            found = tuple(int(n) for n in tensor["shape"])
            if found != shape or tensor["dtype"] not in types or (
                    tensor["dtype"] != np.float32 and not tensor["quantization"][0] > 0):
                raise ContractError(f"the network's {name} are {np.dtype(tensor['dtype'])} {found}, "
                                    f"the contract says float32 {shape}: export the model again")


def _stored(values: Array, tensor: dict[str, Any]) -> npt.NDArray[Any]:
    """Values in the type of a tensor: integers q stand for (q - zero) * scale."""
    if tensor["dtype"] == np.float32:
        return values
    scale, zero = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    steps = np.clip(np.rint(values / np.float32(scale)) + zero, limits.min, limits.max)
    return np.asarray(steps, tensor["dtype"])
