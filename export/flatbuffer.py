"""Edit a finished ``.tflite`` in ways that no converter offers.

Names become shorter, equal vectors are stored once, chosen constants take a smaller type, and
images and probabilities become integers. LiteRT's ``flatbuffer_utils`` parses the file and names
the operators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from edge_runtime.contract.container import TFLITE_IDENTIFIER
from edge_runtime.network.interpreter import INPUTS, PROBABILITIES

DATA_ALIGNMENT = 16  # bytes; the schema requires it of constants
QUANTIZE = schema.BuiltinOperator.QUANTIZE
DEQUANTIZE = schema.BuiltinOperator.DEQUANTIZE
FLOAT16_DEQUANTIZE_VERSION = 3  # of DEQUANTIZE: the first that reads float16


def shorten(tflite: bytes) -> bytes:
    """Give every tensor a short name and store equal vectors once. The network stays the same.

    Converters name each tensor after the path of its module, 300 characters and more. The names are
    an eighth of a small model's file.
    """
    graph = TfliteGraph(tflite)
    tensors = graph.subgraph.tensors
    for i, tensor in enumerate(tensors):
        tensor.name = f"c{i}".encode()
    for i, operator in enumerate(graph.subgraph.operators):
        for output in operator.outputs:
            tensors[output].name = f"{graph.operator_name(operator).lower()}_{i}".encode()
    for signature in graph.model.signatureDefs or []:
        for end in (*signature.inputs, *signature.outputs):
            tensors[end.tensorIndex].name = end.name
    return graph.to_bytes()


def constants_to_float16(tflite: bytes, is_chosen: Callable[[TfliteGraph, Any], bool]) -> bytes:
    """Store float32 constants as float16. The interpreter widens them when it loads the network.

    Args:
        tflite: the network.
        is_chosen: returns True for the operators whose constants are stored as float16.
    """
    graph = TfliteGraph(tflite)
    for tensor in graph.float32_constants(is_chosen):
        data = graph.constant_bytes(tensor)
        if data is not None and len(data) > 4:  # more than one value
            halves = data.view("<f4").astype("<f2")
            graph.store_narrow(tensor, halves, schema.TensorType.FLOAT16)
    return graph.to_bytes()


def weights_to_int8(tflite: bytes, is_chosen: Callable[[TfliteGraph, Any], bool]) -> bytes:
    """Store float32 matrices (rows, n) as int8, one scale per row. They are widened before use.

    Args:
        tflite: the network.
        is_chosen: returns True for the operators whose matrices are stored as int8.
    """
    graph = TfliteGraph(tflite)
    for tensor in graph.float32_constants(is_chosen):
        data = graph.constant_bytes(tensor)
        shape = graph.subgraph.tensors[tensor].shape
        if data is None or len(shape) != 2:
            continue
        rows = data.view("<f4").reshape(shape)
        scales = np.maximum(np.abs(rows).max(1), np.finfo(np.float32).tiny) / 127
        rounded = np.rint(rows / scales[:, None]).astype(np.int8)
        graph.store_narrow(tensor, rounded, schema.TensorType.INT8)
        zero_points = np.zeros(len(scales))
        graph.subgraph.tensors[tensor].quantization = _quantization(scales, zero_points)
    return graph.to_bytes()


def with_integer_io(tflite: bytes, io: str) -> bytes:
    """Make the network take images, and give probabilities, as 8-bit integers.

    Only these two have fixed bounds. The statistics stay float32: they mix units and sizes, and one
    scale of 256 steps would be too coarse for them.

    Args:
        tflite: a network with float32 inputs and outputs.
        io: ``int8`` or ``uint8``.
    """
    graph = TfliteGraph(tflite)
    subgraph = graph.subgraph
    dtype, middle = {
        "int8": (schema.TensorType.INT8, 0),
        "uint8": (schema.TensorType.UINT8, 128),
    }[io]
    signature = graph.model.signatureDefs[0]
    for end in signature.inputs:
        if end.name.decode() == INPUTS["images"]:  # -1 to 1
            quantization = _quantization([1 / 127], [middle])
            integers = graph.add_tensor(end.tensorIndex, "images", dtype, quantization)
            graph.insert_operator(DEQUANTIZE, integers, end.tensorIndex, 0)
            is_images = subgraph.inputs == end.tensorIndex
            subgraph.inputs = np.where(is_images, integers, subgraph.inputs)
            end.tensorIndex = integers
    for end in signature.outputs:
        if end.name.decode() == PROBABILITIES:  # 0 to 1
            quantization = _quantization([1 / 256], [middle - 128])
            integers = graph.add_tensor(end.tensorIndex, "probabilities", dtype, quantization)
            graph.insert_operator(QUANTIZE, end.tensorIndex, integers, len(subgraph.operators))
            is_probabilities = subgraph.outputs == end.tensorIndex
            subgraph.outputs = np.where(is_probabilities, integers, subgraph.outputs)
            end.tensorIndex = integers
    return shorten(graph.to_bytes())


class TfliteGraph:
    """A ``.tflite`` of one subgraph, parsed so that it can be changed and written again.

    Args:
        tflite: bytes of the file.

    Attributes:
        model: the whole file, a ``ModelT`` of the TensorFlow Lite schema.
        subgraph: its only subgraph: tensors, operators, inputs, outputs.
    """

    def __init__(self, tflite: bytes) -> None:
        self.model = flatbuffer_utils.convert_bytearray_to_object(tflite)
        self.subgraph = self.model.subgraphs[0]
        # Large constants may lie behind the FlatBuffer, at a fixed place in the file. Read them in,
        # as that place changes. flatbuffer_utils.read_model_from_bytearray does so too, but turns
        # index vectors into lists, which Pack writes one by one and _SharingBuilder never sees.
        for buffer in self.model.buffers:
            if buffer.offset > 1:
                buffer.data = np.frombuffer(tflite, np.uint8, buffer.size, buffer.offset)
                buffer.offset = 0
                buffer.size = 0

    def operator_name(self, operator: Any) -> str:
        """Return the kind of an operator: ``CONV_2D``, ..."""
        return str(flatbuffer_utils.opcode_to_name(self.model, operator.opcodeIndex))

    def output_name(self, operator: Any) -> str:
        """Return the name of an operator's first output."""
        return str(self.subgraph.tensors[operator.outputs[0]].name.decode())

    def constant_bytes(self, tensor: int) -> npt.NDArray[np.uint8] | None:
        """Return the bytes of a constant tensor, None for a computed one."""
        data = self.model.buffers[self.subgraph.tensors[tensor].buffer].data
        return None if data is None or not len(data) else data

    def float32_constants(self, is_chosen: Callable[[TfliteGraph, Any], bool]) -> list[int]:
        """Return the float32 constants that chosen operators read, each once."""
        return list(
            dict.fromkeys(
                int(tensor)
                for operator in self.subgraph.operators
                if is_chosen(self, operator)
                for tensor in operator.inputs
                if tensor >= 0
                and self.constant_bytes(tensor) is not None
                and self.subgraph.tensors[tensor].type == schema.TensorType.FLOAT32
            )
        )

    def depends_on_input(self, operator: Any, signature_name: str) -> bool:
        """Return whether an operator's result depends on an input of the network.

        Args:
            operator: where to start.
            signature_name: the input's name in the signature.
        """
        (input_tensor,) = (
            end.tensorIndex
            for end in self.model.signatureDefs[0].inputs
            if end.name.decode() == signature_name
        )
        producers = {
            int(output): producer
            for producer in self.subgraph.operators
            for output in producer.outputs
        }
        pending = [int(tensor) for tensor in operator.inputs]
        while pending:
            tensor = pending.pop()
            if tensor == input_tensor:
                return True
            if tensor in producers:
                pending += [int(source) for source in producers[tensor].inputs]
        return False

    def store_narrow(self, tensor: int, data: npt.NDArray[Any], dtype: int) -> None:
        """Store a float32 constant in a smaller type.

        A DEQUANTIZE before its first reader widens it again for all readers.

        Args:
            tensor: index of the constant.
            data: its values in the smaller type.
            dtype: that type, a ``TensorType`` of the schema.
        """
        operators = self.subgraph.operators
        first = next(i for i, reader in enumerate(operators) if tensor in reader.inputs)
        wide = self.add_tensor(tensor, "wide", schema.TensorType.FLOAT32)
        for reader in operators:
            inputs = np.where(reader.inputs == tensor, wide, reader.inputs)
            reader.inputs = inputs.astype(np.int32)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(data.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        narrow = self.subgraph.tensors[tensor]
        narrow.type = dtype
        narrow.buffer = len(self.model.buffers) - 1
        self.insert_operator(DEQUANTIZE, tensor, wide, first)

    def add_tensor(self, like: int, name: str, dtype: int, quantization: Any = None) -> int:
        """Add a tensor of the same shape as tensor ``like``. Returns its index."""
        tensor = schema.TensorT()
        tensor.shape = self.subgraph.tensors[like].shape
        tensor.name = name.encode()
        tensor.type = dtype
        tensor.quantization = quantization
        self.subgraph.tensors.append(tensor)
        return len(self.subgraph.tensors) - 1

    def insert_operator(self, code: int, source: int, result: int, position: int) -> None:
        """Insert an operator at a position of the execution order.

        Args:
            code: which operator, a ``BuiltinOperator`` of the schema.
            source: index of its only input.
            result: index of its only output.
            position: number of operators that are computed before it.
        """
        operator = schema.OperatorT()
        operator.opcodeIndex = self._opcode_index(code)
        operator.inputs = np.array([source], np.int32)
        operator.outputs = np.array([result], np.int32)
        self.subgraph.operators.insert(position, operator)

    def to_bytes(self) -> bytes:
        """Write the file. Buffers that nothing uses are emptied, and equal vectors stored once."""
        used = {tensor.buffer for tensor in self.subgraph.tensors}
        used |= {entry.buffer for entry in self.model.metadata or []}
        for i, buffer in enumerate(self.model.buffers):
            if i not in used:
                buffer.data = None
        builder = _SharingBuilder(1 << 16)
        builder.Finish(self.model.Pack(builder), file_identifier=TFLITE_IDENTIFIER)
        return bytes(builder.Output())

    def _opcode_index(self, code: int) -> int:
        """Return the index of an operator code. It is added if the model lacks it."""
        for i, present in enumerate(self.model.operatorCodes):
            if flatbuffer_utils.get_builtin_code_from_operator_code(present) == code:
                return i
        added = schema.OperatorCodeT()
        added.builtinCode = code
        added.deprecatedBuiltinCode = code
        added.version = FLOAT16_DEQUANTIZE_VERSION if code == DEQUANTIZE else 1
        self.model.operatorCodes.append(added)
        return len(self.model.operatorCodes) - 1


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers has no types
    """Stores equal vectors once.

    Each scale per channel has a zero point of its own, and all of these are zero.
    """

    def __init__(self, initial_bytes: int) -> None:
        super().__init__(initial_bytes)
        self._offsets: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: npt.NDArray[Any]) -> int:  # Pack calls it by this name
        content = x.tobytes()
        key = (x.dtype.str, content)
        if key not in self._offsets:
            alignment = DATA_ALIGNMENT if x.itemsize == 1 else x.itemsize
            self.StartVector(x.itemsize, x.size, alignment)
            self.head -= len(content)
            self.Bytes[self.head : self.head + len(content)] = content
            self.vectorNumElems = x.size
            self._offsets[key] = int(self.EndVector())
        return self._offsets[key]


def _quantization(scales: npt.ArrayLike, zero_points: npt.ArrayLike) -> Any:
    """Return quantisation parameters; value = scale * (integer - zero point)."""
    parameters = schema.QuantizationParametersT()
    parameters.scale = np.asarray(scales, np.float32)
    parameters.zeroPoint = np.asarray(zero_points, np.int64)
    return parameters
