"""The network: a LiteRT interpreter behind one call."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import Contract
from edge_runtime.errors import ContractError, UserError
from edge_runtime.frontend import Features
from edge_runtime.frontend.statistics import WindowStatistics

Array = npt.NDArray[np.float32]

# distribution and module of each interpreter, best first: LiteRT's own package, its old name, the whole of TensorFlow
RUNTIMES = (("ai-edge-litert", "ai_edge_litert.interpreter"),
            ("tflite-runtime", "tflite_runtime.interpreter"),
            ("tensorflow", "tensorflow.lite.python.interpreter"))
IMAGES, STATISTICS = "args_0", "args_1"  # names in the model's signature, in the order of the exported module
PROBABILITIES, EMBEDDING = "output_0", "output_1"


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


class Model:
    """A loaded ``.tflite`` that takes features and gives probabilities and the embedding.

    Args:
        tflite: the file's bytes.
        contract: what it takes and gives.
        threads: CPU threads of the interpreter; one is fastest for networks this small.

    Attributes:
        runtime: name and version of the interpreter in use.
        threads: as given.

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
            self._images, self._statistics = inputs[IMAGES], inputs[STATISTICS]
            self._probabilities, self._embedding = outputs[PROBABILITIES], outputs[EMBEDDING]
        except (ValueError, RuntimeError, KeyError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ContractError(f"{self.runtime} cannot load the network in the model file ({reason}): copy or export "
                                "the model again") from error
        self._check(contract)

    def infer(self, features: Features) -> tuple[Array, Array]:
        """One window's features to probabilities (labels,) and embedding (d,), float32."""
        self._interpreter.set_tensor(self._images["index"], features.images)
        self._interpreter.set_tensor(self._statistics["index"], features.statistics[None])
        self._interpreter.invoke()
        probabilities: Array = self._interpreter.get_tensor(self._probabilities["index"])[0]
        embedding: Array = self._interpreter.get_tensor(self._embedding["index"])[0]
        return probabilities, embedding

    def _signature(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Tensor details by signature name; names, not positions, since quantising reorders tensors."""
        runner = self._interpreter.get_signature_runner()
        return runner.get_input_details(), runner.get_output_details()

    def _check(self, contract: Contract) -> None:
        front = contract.front_end
        expected = ((self._images, "images", (front.n_images, front.image_height, front.image_width, 3)),
                    (self._statistics, "statistics", (1, WindowStatistics.of(contract).size)),
                    (self._probabilities, "probabilities", (1, len(contract.labels))))
        for tensor, name, shape in expected:
            found = tuple(int(n) for n in tensor["shape"])
            if found != shape or tensor["dtype"] != np.float32:
                raise ContractError(f"the network's {name} are {np.dtype(tensor['dtype'])} {found}, "
                                    f"the contract says float32 {shape}: export the model again")
