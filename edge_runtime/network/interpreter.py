"""The network of a model file, run by a LiteRT interpreter."""

from __future__ import annotations

import importlib
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

# Features, or raw windows for a network with the front end inside.
Inputs: TypeAlias = Features | Float32Array

# Distribution and module of each interpreter, best first: LiteRT's own package, its old name, and
# the whole of TensorFlow.
RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite.python.interpreter"),
)
# Names in the model's signature, in the order of the arguments of the exported module.
INPUTS = {field.name: f"args_{i}" for i, field in enumerate(fields(Features))}
# The only input of a network with the front end inside, or of one that sees image by image.
WINDOW = "args_0"
PROBABILITIES = "output_0"
EMBEDDING = "output_1"
FLOAT_ONLY = (np.float32,)
IO_TYPES = (np.float32, np.int8, np.uint8)  # of images and probabilities
DELEGATE = "DELEGATE"  # operator name of what a delegate such as XNNPACK computes


class Model:
    """A loaded ``.tflite``: from features or raw windows to probabilities and embedding.

    There are three kinds of network:

    * the usual one takes all images and the statistics;
    * one with the front end inside takes the raw window (:attr:`takes_windows`);
    * the bundled embedder takes one image at a time and returns its texture
      (:attr:`image_by_image`). It suits any number of images, and so any window, rate and axes. The
      rest of the embedding needs no network.

    Args:
        tflite: the network's bytes.
        contract: what it takes and gives.
        threads: CPU threads used by the interpreter; one is fastest for networks this small.
        head: head that was taught on a device. It replaces the network's own head.

    Attributes:
        runtime: name and version of the interpreter in use.
        threads: CPU threads used by the interpreter.
        takes_windows: whether the front end is inside the network.
        image_by_image: whether the network takes one image at a time.

    Raises:
        ContractError: the interpreter refuses the network, or its tensors do not fit the contract.
    """

    def __init__(
        self, tflite: bytes, contract: Contract, threads: int = 1, head: LinearHead | None = None
    ) -> None:
        if threads < 1:
            raise UserError(f"threads is {threads}, expected 1 or more")
        interpreter_class, self.runtime = load_interpreter()
        self.threads = threads
        self._contract = contract
        self._head = head
        try:
            self._interpreter = interpreter_class(model_content=tflite, num_threads=threads)
            self._interpreter.allocate_tensors()
            # Tensor details by name: quantising reorders tensors, so positions do not count.
            runner = self._interpreter.get_signature_runner()
            inputs = runner.get_input_details()
            outputs = runner.get_output_details()
            axes_of_only_input = len(inputs[WINDOW]["shape"]) if set(inputs) == {WINDOW} else 0
            self.takes_windows = axes_of_only_input == 3
            self.image_by_image = axes_of_only_input == 4 and contract.taught is not None
            names = [WINDOW] if self.takes_windows or self.image_by_image else INPUTS.values()
            self._inputs = {name: inputs[name] for name in names}
            self._probabilities = outputs[PROBABILITIES]
            self._embedding = outputs[PROBABILITIES if self.image_by_image else EMBEDDING]
        except (ValueError, RuntimeError, KeyError) as error:
            lines = str(error).strip().splitlines()
            reason = lines[0] if lines else type(error).__name__
            raise ContractError(
                f"{self.runtime} cannot load the network in the model file ({reason}): copy or "
                "export the model again"
            ) from error
        self._check_tensors()

    @classmethod
    def of(cls, file: ModelFile, threads: int = 1) -> Model:
        """Load the network of a model file, with the head that was taught if there is one.

        Raises:
            ContractError: see :class:`Model`; or too little was taught to tell anything apart.
        """
        if file.taught is None:
            return cls(file.tflite, file.contract, threads)
        if file.taught.head is None:
            labels = ", ".join(map(repr, file.contract.labels)) or "the background"
            raise ContractError(
                f"{file.contract.name!r} was taught nothing but {labels}, expected two labels, or "
                "one and a background: go on with img2imu teach"
            )
        return cls(file.tflite, file.contract, threads, file.taught.head)

    def infer(self, inputs: Inputs) -> tuple[Float32Array, Float32Array]:
        """Return the probabilities (labels,) and embedding (d,) of one window, float32.

        Args:
            inputs: features, or the raw window (window_samples, channels) float32 if
                :attr:`takes_windows`.
        """
        embedding = self.embed(inputs)
        if self._head is None:
            return self._output(self._probabilities), embedding
        probabilities = self._head.probabilities(embedding[None])[0, : len(self._contract.labels)]
        return probabilities.astype(np.float32), embedding

    def embed(self, inputs: Inputs) -> Float32Array:
        """Return the embedding (d,) float32 of one window. Takes the same as :meth:`infer`."""
        if self.image_by_image:
            assert isinstance(inputs, Features)
            return self._embed_images(inputs)
        for name, values in as_tensors(inputs).items():
            tensor = self._inputs[name]
            self._interpreter.set_tensor(tensor["index"], quantise(values, tensor))
        self._interpreter.invoke()
        return self._output(self._embedding)

    @property
    def embedding_size(self) -> int:
        """Size of an embedding, d."""
        size = int(self._embedding["shape"][-1])
        if not self.image_by_image:
            return size
        front_end = self._contract.front_end
        of_images = front_end.n_images * (size + 2 * front_end.image_height * 3)
        return of_images + WindowStatistics.of(self._contract).size

    @property
    def outside_delegate(self) -> tuple[str, ...] | None:
        """See :func:`operators_outside`."""
        return operators_outside(self._interpreter)

    def _embed_images(self, features: Features) -> Float32Array:
        """Return the embedding in the order of an exported network's.

        That is the texture of each image, the mean over time and the peak over time of all images,
        and the statistics.
        """
        images = features.images  # (n_images, H, W, 3)
        tensor = self._inputs[WINDOW]
        textures = []
        for image in images:
            self._interpreter.set_tensor(tensor["index"], quantise(image[None], tensor))
            self._interpreter.invoke()
            textures.append(self._output(self._embedding))
        mean = images.mean(2).ravel()
        peak = images.max(2).ravel()
        return np.concatenate([*textures, mean, peak, features.statistics])

    def _output(self, tensor: dict[str, Any]) -> Float32Array:
        """Return the values of an output as float32, without its leading axis."""
        values = self._interpreter.get_tensor(tensor["index"])[0]
        if tensor["dtype"] == np.float32:
            return np.asarray(values)
        scale, zero_point = tensor["quantization"]
        return np.asarray((values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale))

    def _check_tensors(self) -> None:
        """Check types and shapes of the tensors against the contract."""
        contract = self._contract
        front_end = contract.front_end
        image = (front_end.image_height, front_end.image_width, 3)
        expected: list[tuple[dict[str, Any], str, tuple[Any, ...], tuple[int, ...]]]
        if self.takes_windows:
            window = (1, contract.window_samples, len(contract.stream.channels))
            expected = [(self._inputs[WINDOW], "windows", FLOAT_ONLY, window)]
        elif self.image_by_image:
            expected = [(self._inputs[WINDOW], "images", IO_TYPES, (1, *image))]
        else:
            images = (front_end.n_images, *image)
            statistics = (1, WindowStatistics.of(contract).size)
            expected = [
                (self._inputs[INPUTS["images"]], "images", IO_TYPES, images),
                (self._inputs[INPUTS["statistics"]], "statistics", FLOAT_ONLY, statistics),
            ]
        if contract.taught is None:
            probabilities = (1, len(contract.labels))
            expected.append((self._probabilities, "probabilities", IO_TYPES, probabilities))
        for tensor, name, types, shape in expected:
            actual = tuple(int(n) for n in tensor["shape"])
            has_scale = tensor["dtype"] == np.float32 or tensor["quantization"][0] > 0
            if actual != shape or tensor["dtype"] not in types or not has_scale:
                raise ContractError(
                    f"the network's {name} are {np.dtype(tensor['dtype'])} {actual}, "
                    f"the contract says float32 {shape}: export the model again"
                )
        if contract.taught is not None and contract.taught.embedding_size != self.embedding_size:
            raise ContractError(
                f"the network's embeddings have {self.embedding_size} values, the contract's "
                f"taught examples {contract.taught.embedding_size}: teach it again"
            )


def infer_all(model: Model, batch: Inputs) -> Float32Array:
    """Return the probabilities (n, labels) of n windows, computed one by one as on the device."""
    return np.stack([model.infer(inputs)[0] for inputs in one_by_one(batch)])


def one_by_one(batch: Inputs) -> Iterator[Inputs]:
    """Yield the inputs of each window of a batch."""
    n = len(batch.images) if isinstance(batch, Features) else len(batch)
    return (window_at(batch, i) for i in range(n))


def window_at(batch: Inputs, i: int) -> Inputs:
    """Return the inputs of window ``i`` of a batch."""
    if not isinstance(batch, Features):
        return np.asarray(batch[i])
    return Features(images=batch.images[i], statistics=batch.statistics[i])


def as_tensors(inputs: Inputs) -> dict[str, Float32Array]:
    """Return the inputs of one window by their names in the signature.

    The images of a window are already a batch. Everything else gets a leading axis.
    """
    if not isinstance(inputs, Features):
        return {WINDOW: inputs[None]}
    return {INPUTS["images"]: inputs.images, INPUTS["statistics"]: inputs.statistics[None]}


def load_interpreter() -> tuple[Any, str]:
    """Return the ``Interpreter`` class of the first installed runtime, and its name and version.

    Raises:
        UserError: no runtime is installed.
    """
    from importlib import metadata  # here, because importing it takes 8 ms

    for distribution, module in RUNTIMES:
        try:
            interpreter = importlib.import_module(module).Interpreter
        except ImportError:
            continue
        try:
            return interpreter, f"{distribution} {metadata.version(distribution)}"
        except metadata.PackageNotFoundError:
            # the module comes from another distribution, such as tensorflow-cpu
            return interpreter, distribution
    raise UserError(
        "no TensorFlow Lite runtime is installed, expected one of "
        f"{', '.join(distribution for distribution, _ in RUNTIMES)}: pip install ai-edge-litert"
    )


def operators_outside(interpreter: Any) -> tuple[str, ...] | None:
    """Return the operators that no delegate computes; XNNPACK is LiteRT's fast one.

    Args:
        interpreter: a TensorFlow Lite interpreter whose tensors are allocated.

    Returns:
        Their kinds, each as often as it occurs. None if no delegate computes anything, or if this
        runtime does not tell.
    """
    if not hasattr(interpreter, "_get_ops_details"):
        return None
    details = interpreter._get_ops_details()
    delegates = [op for op in details if op["op_name"] == DELEGATE]
    if not delegates:
        return None
    maker_of_tensor = {
        int(tensor): i
        for i, op in enumerate(details)
        if op["op_name"] != DELEGATE
        for tensor in op["outputs"]
    }
    # A delegate computes every operator between its outputs and its inputs.
    delegated: set[int] = set()
    for delegate in delegates:
        inputs = {int(tensor) for tensor in delegate["inputs"]}
        to_visit = [int(tensor) for tensor in delegate["outputs"]]
        while to_visit:
            tensor = to_visit.pop()
            maker = maker_of_tensor.get(tensor)
            if tensor in inputs or maker is None or maker in delegated:
                continue
            delegated.add(maker)
            to_visit += [int(t) for t in details[maker]["inputs"] if t >= 0]  # -1 is left out
    return tuple(
        op["op_name"]
        for i, op in enumerate(details)
        if op["op_name"] != DELEGATE and i not in delegated
    )


def operators_outside_text(outside: tuple[str, ...] | None) -> str:
    """Return the result of :func:`operators_outside` in words."""
    if outside is None:
        return "none: LiteRT's plain kernels, slower"
    if not outside:
        return "XNNPACK, every operator"
    return f"XNNPACK, but for {len(outside)} operators ({', '.join(sorted(set(outside)))})"


def quantise(values: Float32Array, tensor: dict[str, Any]) -> npt.NDArray[Any]:
    """Convert values to the type of a tensor: integers q stand for (q - zero_point) * scale."""
    if tensor["dtype"] == np.float32:
        return values
    scale, zero_point = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    steps = np.clip(np.rint(values / np.float32(scale)) + zero_point, limits.min, limits.max)
    return np.asarray(steps, tensor["dtype"])
