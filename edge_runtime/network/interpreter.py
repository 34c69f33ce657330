"""The network: a LiteRT interpreter behind one call."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.container import ModelFile
from edge_runtime.contract.head import LinearHead
from edge_runtime.contract.spec import Contract
from edge_runtime.errors import ContractError, UserError
from edge_runtime.frontend import Features
from edge_runtime.frontend.statistics import WindowStatistics
from edge_runtime.network.delegate import operators_outside

Inputs: TypeAlias = Features | Float32Array  # raw windows, for a network with the front end inside

# distribution and module of each interpreter, best first: LiteRT's own package, its old name, the
# whole of TensorFlow
RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite.python.interpreter"),
)
# names in the model's signature, in the order of the exported module
INPUTS = {field.name: f"args_{i}" for i, field in enumerate(fields(Features))}
WINDOW = "args_0"  # the only input of a network with the front end inside, or of one that sees image by image
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
        except (
            importlib.metadata.PackageNotFoundError
        ):  # the same module from another distribution: tensorflow-cpu
            return interpreter, distribution
    raise UserError(
        "no TensorFlow Lite runtime is installed, expected one of "
        f"{', '.join(d for d, _ in RUNTIMES)}: pip install ai-edge-litert"
    )


def as_tensors(given: Features | Float32Array) -> dict[str, Float32Array]:
    """One window's features as the network's inputs, by their names in the signature; images are a batch already.

    Args:
        given: features, or for a network with the front end inside, the raw window (window_samples,
            channels).
    """
    if not isinstance(given, Features):
        return {WINDOW: given[None]}
    return {
        name: given.images if field == "images" else getattr(given, field)[None]
        for field, name in INPUTS.items()
    }


class Model:
    """A loaded ``.tflite`` that takes features, or raw windows, and gives probabilities and the embedding.

    The bundled embedder sees one image at a time and gives its texture, 0.1 ms each: any number of
    images will do, and so any window, rate and axes. The rest of the embedding needs no network.

    Args:
        tflite: the file's bytes.
        contract: what it takes and gives.
        threads: CPU threads of the interpreter; one is fastest for networks this small.
        head: taught on a device: what tells the labels apart in place of the network's own head.

    Attributes:
        runtime: name and version of the interpreter in use.
        threads: as given.
        takes_windows: whether the front end is inside the network, so that it takes the window as
            it is.
        image_by_image: whether it is an embedder that sees one image at a time.

    Raises:
        ContractError: the interpreter refuses the file, or its tensors do not fit the contract.
    """

    def __init__(
        self, tflite: bytes, contract: Contract, threads: int = 1, head: LinearHead | None = None
    ) -> None:
        if threads < 1:
            raise UserError(f"threads is {threads}, expected 1 or more")
        interpreter_class, self.runtime = load_interpreter()
        self.threads = threads
        self._head, self._contract = head, contract
        try:
            self._interpreter = interpreter_class(model_content=tflite, num_threads=threads)
            self._interpreter.allocate_tensors()
            inputs, outputs = self._signature()
            alone = (
                len(inputs[WINDOW]["shape"]) if set(inputs) == {WINDOW} else 0
            )  # axes of the only input
            self.takes_windows, self.image_by_image = (
                alone == 3,
                alone == 4 and contract.taught is not None,
            )
            names = [WINDOW] if self.takes_windows or self.image_by_image else INPUTS.values()
            self._inputs = {name: inputs[name] for name in names}
            self._probabilities = outputs[PROBABILITIES]
            self._embedding = outputs[PROBABILITIES if self.image_by_image else EMBEDDING]
        except (ValueError, RuntimeError, KeyError) as error:
            reason = (
                str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            )
            raise ContractError(
                f"{self.runtime} cannot load the network in the model file ({reason}): copy or export "
                "the model again"
            ) from error
        self._check(contract)

    @classmethod
    def of(cls, file: ModelFile, threads: int = 1) -> Model:
        """The network of a model file, with what it was taught.

        Raises:
            ContractError: see above; or it was taught too little to tell anything apart.
        """
        if file.taught is not None and file.taught.head is None:
            what = ", ".join(map(repr, file.contract.labels)) or "the background"
            raise ContractError(
                f"{file.contract.name!r} was taught nothing but {what}, expected two labels, or one "
                "and a background: go on with img2imu teach"
            )
        return cls(
            file.tflite, file.contract, threads, None if file.taught is None else file.taught.head
        )

    def infer(self, given: Features | Float32Array) -> tuple[Float32Array, Float32Array]:
        """One window's features to probabilities (labels,) and embedding (d,), float32.

        Args:
            given: features, or where :attr:`takes_windows`, the raw window (window_samples,
                channels) float32.
        """
        embedding = self.embed(given)
        if self._head is None:
            return self._output(self._probabilities), embedding
        probabilities = self._head.probabilities(embedding[None])[0, : len(self._contract.labels)]
        return probabilities.astype(np.float32), embedding

    def embed(self, given: Features | Float32Array) -> Float32Array:
        """What the head looks at: embedding (d,) float32, of what :meth:`infer` takes."""
        if self.image_by_image:
            assert isinstance(given, Features)
            return self._embed_images(given)
        for name, values in as_tensors(given).items():
            tensor = self._inputs[name]
            self._interpreter.set_tensor(tensor["index"], _stored(values, tensor))
        self._interpreter.invoke()
        return self._output(self._embedding)

    def _embed_images(self, features: Features) -> Float32Array:
        """Texture of each image, mean and peak over time of all of them, statistics: as a whole network orders them."""
        tensor, textures = self._inputs[WINDOW], []
        for image in features.images:
            self._interpreter.set_tensor(tensor["index"], _stored(image[None], tensor))
            self._interpreter.invoke()
            textures.append(self._output(self._embedding))
        images = features.images  # (n_images, H, W, 3)
        return np.concatenate(
            [*textures, images.mean(2).ravel(), images.max(2).ravel(), features.statistics]
        )

    @property
    def embedding_size(self) -> int:
        """Values of an embedding, d."""
        size = int(self._embedding["shape"][-1])
        if not self.image_by_image:
            return size
        front = self._contract.front_end
        return (
            front.n_images * (size + 2 * front.image_height * 3)
            + WindowStatistics.of(self._contract).size
        )

    @property
    def outside_delegate(self) -> tuple[str, ...] | None:
        """See :func:`edge_runtime.network.delegate.operators_outside`."""
        return operators_outside(self._interpreter)

    def _output(self, tensor: dict[str, Any]) -> Float32Array:
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

    def _expected(
        self, contract: Contract
    ) -> list[tuple[dict[str, Any], str, tuple[Any, ...], tuple[int, ...]]]:
        """Tensors with what they are, which types they may have, and their shapes by the contract."""
        front, channels = contract.front_end, len(contract.stream.channels)
        answers = (
            []
            if contract.taught is not None
            else [(self._probabilities, "probabilities", IO_TYPES, (1, len(contract.labels)))]
        )
        if self.takes_windows:
            return [
                (
                    self._inputs[WINDOW],
                    "windows",
                    FLOAT_ONLY,
                    (1, contract.window_samples, channels),
                ),
                *answers,
            ]
        if self.image_by_image:
            return [
                (
                    self._inputs[WINDOW],
                    "images",
                    IO_TYPES,
                    (1, front.image_height, front.image_width, 3),
                ),
                *answers,
            ]
        return [
            (
                self._inputs[INPUTS["images"]],
                "images",
                IO_TYPES,
                (front.n_images, front.image_height, front.image_width, 3),
            ),
            (
                self._inputs[INPUTS["statistics"]],
                "statistics",
                FLOAT_ONLY,
                (1, WindowStatistics.of(contract).size),
            ),
            *answers,
        ]

    def _check(self, contract: Contract) -> None:
        for tensor, name, types, shape in self._expected(contract):
            found = tuple(int(n) for n in tensor["shape"])
            if (
                found != shape
                or tensor["dtype"] not in types
                or (tensor["dtype"] != np.float32 and not tensor["quantization"][0] > 0)
            ):
                raise ContractError(
                    f"the network's {name} are {np.dtype(tensor['dtype'])} {found}, "
                    f"the contract says float32 {shape}: export the model again"
                )
        if contract.taught is not None and contract.taught.embedding_size != self.embedding_size:
            raise ContractError(
                f"the network's embeddings have {self.embedding_size} values, the contract's taught "
                f"examples {contract.taught.embedding_size}: teach anew"
            )


def _stored(values: Float32Array, tensor: dict[str, Any]) -> npt.NDArray[Any]:
    """Values in the type of a tensor: integers q stand for (q - zero) * scale."""
    if tensor["dtype"] == np.float32:
        return values
    scale, zero = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    steps = np.clip(np.rint(values / np.float32(scale)) + zero, limits.min, limits.max)
    return np.asarray(steps, tensor["dtype"])


def one(batch: Inputs, i: int) -> Inputs:
    """Window ``i`` of a batch."""
    if not isinstance(batch, Features):
        return np.asarray(batch[i])
    return Features(**{field.name: getattr(batch, field.name)[i] for field in fields(Features)})


def one_by_one(batch: Inputs) -> Iterator[Inputs]:
    """Every window of a batch."""
    return (
        one(batch, i) for i in range(len(batch.images if isinstance(batch, Features) else batch))
    )


def infer_all(model: Model, batch: Inputs) -> Float32Array:
    """Probabilities (n, classes) of n windows, one at a time as on the device."""
    return np.stack([model.infer(window)[0] for window in one_by_one(batch)])
