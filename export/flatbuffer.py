"""Changes to a finished ``.tflite`` that no converter offers: shorter files, and integer inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from edge_runtime.contract.container import TFLITE_IDENTIFIER
from edge_runtime.network.interpreter import INPUTS, PROBABILITIES

DATA_ALIGNMENT = 16  # of constants, as the schema demands
QUANTIZE, DEQUANTIZE = schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE


class Flatbuffer:
    """A ``.tflite`` of one subgraph, taken apart.

    Args:
        tflite: the file's bytes.
    """

    def __init__(self, tflite: bytes) -> None:
        self.model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(tflite, 0))
        self.graph = self.model.subgraphs[0]
        for buffer in self.model.buffers:
            if (
                buffer.offset > 1
            ):  # a large one, put behind the FlatBuffer; brought home, or its place would be wrong
                buffer.data = np.frombuffer(tflite, np.uint8, buffer.size, buffer.offset)
                buffer.offset = buffer.size = 0

    def constant(self, tensor: int) -> npt.NDArray[np.uint8] | None:
        """The bytes of a constant tensor; None of one that is computed."""
        data = self.model.buffers[self.graph.tensors[tensor].buffer].data
        return None if data is None or not len(data) else data

    def add_tensor(self, like: int, name: str, dtype: int, quantization: Any = None) -> int:
        """A new tensor of the shape of another; its index."""
        tensor = schema.TensorT()
        tensor.shape, tensor.name, tensor.type = (
            self.graph.tensors[like].shape,
            name.encode(),
            dtype,
        )
        tensor.quantization = quantization
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def add_buffer(self, data: npt.NDArray[Any]) -> int:
        """A new constant; the index of its buffer."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(data.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1

    def add_operator(self, code: int, source: int, result: int, before: int) -> None:
        """An operator of one input and one output, to be computed before the operator at position ``before``."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self._opcode(code)
        operator.inputs, operator.outputs = (
            np.array([source], np.int32),
            np.array([result], np.int32),
        )
        self.graph.operators.insert(before, operator)

    def rewire(self, old: int, new: int) -> None:
        """Every operator that reads tensor ``old`` reads ``new`` instead."""
        for operator in self.graph.operators:
            operator.inputs = np.where(operator.inputs == old, new, operator.inputs).astype(
                np.int32
            )

    def constants_of(self, is_chosen: Callable[[Flatbuffer, Any], bool]) -> list[tuple[Any, int]]:
        """The float32 constants that chosen operators read, each with its operator."""
        return [
            (operator, int(tensor))
            for operator in self.graph.operators
            if is_chosen(self, operator)
            for tensor in operator.inputs
            if tensor >= 0
            and self.constant(tensor) is not None
            and self.graph.tensors[tensor].type == schema.TensorType.FLOAT32
        ]

    def store(self, operator: Any, tensor: int, data: npt.NDArray[Any], dtype: int) -> None:
        """Keep a float32 constant in a smaller type, widened again before the operator that reads it first."""
        wide = self.add_tensor(tensor, "wide", schema.TensorType.FLOAT32)
        self.rewire(tensor, wide)
        described = self.graph.tensors[tensor]
        described.type, described.buffer = dtype, self.add_buffer(data)
        self.add_operator(DEQUANTIZE, tensor, wide, self.graph.operators.index(operator))

    def comes_from(self, operator: Any, signature_name: str) -> bool:
        """Whether an input of the network, named as in the signature, has a part in what an operator computes."""
        (wanted,) = (
            end.tensorIndex
            for end in self.model.signatureDefs[0].inputs
            if end.name.decode() == signature_name
        )
        makers = {int(output): other for other in self.graph.operators for output in other.outputs}
        open_ends = [int(tensor) for tensor in operator.inputs]
        while open_ends:
            tensor = open_ends.pop()
            if tensor == wanted:
                return True
            open_ends += [int(t) for t in makers[tensor].inputs] if tensor in makers else []
        return False

    def result_name(self, operator: Any) -> str:
        """Name of an operator's first result."""
        return str(self.graph.tensors[operator.outputs[0]].name.decode())

    def kind(self, operator: Any) -> str:
        """Name of an operator: ``CONV_2D``, ..."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        return str(_OPERATOR_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)])

    def to_bytes(self) -> bytes:
        """The file; equal vectors in it are stored once."""
        used = {tensor.buffer for tensor in self.graph.tensors} | {
            entry.buffer for entry in self.model.metadata or []
        }
        for i, buffer in enumerate(self.model.buffers):
            if i not in used:
                buffer.data = None
        builder = _SharingBuilder(1 << 16)
        builder.Finish(self.model.Pack(builder), file_identifier=TFLITE_IDENTIFIER)
        return bytes(builder.Output())

    def _opcode(self, code: int) -> int:
        for i, known in enumerate(self.model.operatorCodes):
            if max(known.builtinCode, known.deprecatedBuiltinCode) == code:
                return i
        new = schema.OperatorCodeT()
        new.builtinCode = new.deprecatedBuiltinCode = code
        new.version = 3 if code == DEQUANTIZE else 1  # 3: from float16 too
        self.model.operatorCodes.append(new)
        return len(self.model.operatorCodes) - 1


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers has no types
    """Stores equal vectors once: a scale per channel brings as many zero points, and all of them are zero."""

    def __init__(self, initial_bytes: int) -> None:
        super().__init__(initial_bytes)
        self._places: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: npt.NDArray[Any]) -> int:  # as Pack calls it
        key = (x.dtype.str, x.tobytes())
        if key not in self._places:
            self.StartVector(x.itemsize, x.size, DATA_ALIGNMENT if x.itemsize == 1 else x.itemsize)
            self.head -= len(key[1])
            self.Bytes[self.head : self.head + len(key[1])] = key[1]
            self.vectorNumElems = x.size
            self._places[key] = int(self.EndVector())
        return self._places[key]


def shorten(tflite: bytes) -> bytes:
    """The same network under short names, its equal vectors stored once.

    Converters name each tensor by the path of its module, 300 characters and more: an eighth of a
    small model's file.
    """
    whole = Flatbuffer(tflite)
    graph = whole.graph
    for i, tensor in enumerate(graph.tensors):
        tensor.name = f"c{i}".encode()
    for i, operator in enumerate(graph.operators):
        for output in operator.outputs:
            graph.tensors[output].name = f"{whole.kind(operator).lower()}_{i}".encode()
    for signature in whole.model.signatureDefs or []:
        for end in (*signature.inputs, *signature.outputs):
            graph.tensors[end.tensorIndex].name = end.name
    return whole.to_bytes()


def halve_vectors(tflite: bytes, is_chosen: Callable[[Flatbuffer, Any], bool]) -> bytes:
    """Store float32 constants as float16; they are widened again when the network is loaded.

    Args:
        tflite: the network.
        is_chosen: says of an operator whether its constants are meant.
    """
    whole = Flatbuffer(tflite)
    for operator, tensor in whole.constants_of(is_chosen):
        data = whole.constant(tensor)
        if data is not None and len(data) > 4:
            whole.store(operator, tensor, data.view("<f4").astype("<f2"), schema.TensorType.FLOAT16)
    return whole.to_bytes()


def round_weights(tflite: bytes, is_chosen: Callable[[Flatbuffer, Any], bool]) -> bytes:
    """Store float32 matrices (rows, n) as int8 with a scale per row; they are widened again before they are used.

    Args:
        tflite: the network.
        is_chosen: says of an operator whether its matrices are meant.
    """
    whole = Flatbuffer(tflite)
    for operator, tensor in whole.constants_of(is_chosen):
        data, shape = whole.constant(tensor), whole.graph.tensors[tensor].shape
        if data is None or len(shape) != 2:
            continue
        rows = data.view("<f4").reshape(shape)
        scales = np.maximum(np.abs(rows).max(1), np.finfo(np.float32).tiny) / 127
        whole.store(
            operator,
            tensor,
            np.rint(rows / scales[:, None]).astype(np.int8),
            schema.TensorType.INT8,
        )
        whole.graph.tensors[tensor].quantization = _quantization(scales, np.zeros(len(scales)))
    return whole.to_bytes()


def with_integer_io(tflite: bytes, io: str) -> bytes:
    """The same network taking images, and giving probabilities, as 8-bit integers; all else stays float32.

    Only these two have fixed bounds. What comes beside the images mixes units and sizes, for which
    one scale of 256 steps is too coarse.

    Args:
        tflite: a network with float32 inputs and outputs.
        io: ``int8`` or ``uint8``.
    """
    whole = Flatbuffer(tflite)
    dtype, middle = {"int8": (schema.TensorType.INT8, 0), "uint8": (schema.TensorType.UINT8, 128)}[
        io
    ]
    signature = whole.model.signatureDefs[0]
    for end in signature.inputs:
        if end.name.decode() == INPUTS["images"]:  # -1 to 1
            new = whole.add_tensor(
                end.tensorIndex, "images", dtype, _quantization([1 / 127], [middle])
            )
            whole.add_operator(DEQUANTIZE, new, end.tensorIndex, 0)
            whole.graph.inputs = np.where(
                whole.graph.inputs == end.tensorIndex, new, whole.graph.inputs
            )
            end.tensorIndex = new
    for end in signature.outputs:
        if end.name.decode() == PROBABILITIES:  # 0 to 1
            new = whole.add_tensor(
                end.tensorIndex, "probabilities", dtype, _quantization([1 / 256], [middle - 128])
            )
            whole.add_operator(QUANTIZE, end.tensorIndex, new, len(whole.graph.operators))
            whole.graph.outputs = np.where(
                whole.graph.outputs == end.tensorIndex, new, whole.graph.outputs
            )
            end.tensorIndex = new
    return shorten(whole.to_bytes())


def _quantization(scales: npt.ArrayLike, zeros: npt.ArrayLike) -> Any:
    parameters = schema.QuantizationParametersT()
    parameters.scale, parameters.zeroPoint = (
        np.asarray(scales, np.float32),
        np.asarray(zeros, np.int64),
    )
    return parameters


_OPERATOR_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}
