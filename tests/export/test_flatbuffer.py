import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from export.flatbuffer import (
    DATA_ALIGNMENT,
    TfliteGraph,
    constants_to_float16,
    shorten,
    weights_to_int8,
    with_integer_io,
)


@pytest.fixture(scope="module")
def network(route):
    """The float network as the converter wrote it."""
    return route.exported.float_tflite


def infer(tflite, features):
    """Return probabilities and embedding of the first window."""
    interpreter = Interpreter(model_content=tflite)
    runner = interpreter.get_signature_runner()
    outputs = runner(args_0=features.images[0], args_1=features.statistics[:1])
    return outputs["output_0"], outputs["output_1"]


def names(tflite):
    return [tensor.name.decode() for tensor in TfliteGraph(tflite).subgraph.tensors]


def test_short_names_change_nothing_but_the_size(network, features):
    short = shorten(network)
    assert len(network) - len(short) > 15_000
    assert max(map(len, names(short))) < 30 < max(map(len, names(network)))
    for before, after in zip(infer(network, features), infer(short, features), strict=True):
        np.testing.assert_array_equal(before, after)
    assert shorten(short) == short


def test_inputs_and_outputs_are_named_as_in_the_signature(network):
    graph = TfliteGraph(shorten(network))
    signature = graph.model.signatureDefs[0]
    ends = [
        (end.name, graph.subgraph.tensors[end.tensorIndex].name)
        for end in (*signature.inputs, *signature.outputs)
    ]
    assert sorted(ends) == [
        (name, name) for name in (b"args_0", b"args_1", b"output_0", b"output_1")
    ]


def test_constants_stay_aligned(network):
    """The schema requires it of every buffer. Kernels read them with vector instructions."""
    short = shorten(network)
    model = schema.Model.GetRootAs(short, 0)
    content = np.frombuffer(short, np.uint8)
    starts = [
        model.Buffers(i).DataAsNumpy().ctypes.data - content.ctypes.data
        for i in range(model.BuffersLength())
        if not model.Buffers(i).DataIsNone()
    ]
    assert len(starts) > 30
    assert {start % DATA_ALIGNMENT for start in starts} == {0}


def standardises_images(graph, operator):
    return graph.operator_name(operator) in ("SUB", "MUL") and graph.depends_on_input(
        operator, "args_0"
    )


def test_int8_matrices_are_a_quarter_as_long_and_nearly_the_same(network, features):
    rounded = weights_to_int8(
        network, lambda graph, operator: graph.operator_name(operator) == "FULLY_CONNECTED"
    )
    small = [t for t in TfliteGraph(rounded).subgraph.tensors if t.type == schema.TensorType.INT8]
    assert len(small) == 4 and all(len(t.quantization.scale) == 3 for t in small)
    assert len(network) - len(rounded) > 3 * sum(int(np.prod(t.shape)) for t in small) - 4000
    np.testing.assert_allclose(infer(rounded, features)[0], infer(network, features)[0], atol=0.02)


def test_dependencies_are_followed_to_the_inputs(network):
    graph = TfliteGraph(network)
    subtractions = [op for op in graph.subgraph.operators if graph.operator_name(op) == "SUB"]
    assert [graph.depends_on_input(op, "args_0") for op in subtractions].count(True) == 3
    assert [graph.depends_on_input(op, "args_1") for op in subtractions].count(True) == 1
    (softmax,) = (op for op in graph.subgraph.operators if graph.operator_name(op) == "SOFTMAX")
    assert graph.depends_on_input(softmax, "args_0") and graph.depends_on_input(softmax, "args_1")


def test_constants_behind_the_flatbuffer_are_read_in(network, features):
    """The quantiser puts those of large models there, at fixed places in the file."""
    graph = TfliteGraph(network)
    largest = max(
        graph.model.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data)
    )
    data = largest.data.tobytes()
    largest.data, largest.offset, largest.size = None, 1 << 20, len(data)
    largest.offset = -(-len(graph.to_bytes()) // DATA_ALIGNMENT) * DATA_ALIGNMENT
    apart = graph.to_bytes().ljust(largest.offset, b"\0") + data
    expected = infer(network, features)
    for outputs in (infer(apart, features), infer(shorten(apart), features)):
        np.testing.assert_array_equal(outputs[0], expected[0])
    assert len(shorten(apart)) == len(shorten(network))


def test_float16_constants_are_half_as_long_and_nearly_the_same(network, features):
    half = constants_to_float16(network, standardises_images)
    narrow = [t for t in TfliteGraph(half).subgraph.tensors if t.type == schema.TensorType.FLOAT16]
    assert len(narrow) == 6  # mean and deviation of: texture, mean spectrum, peak spectrum
    saved = sum(2 * int(np.prod(t.shape)) for t in narrow)
    assert saved > 8000
    assert len(network) - len(half) > saved - 3000
    np.testing.assert_allclose(infer(half, features)[0], infer(network, features)[0], atol=0.01)
    assert not np.array_equal(infer(half, features)[0], infer(network, features)[0])


@pytest.mark.parametrize("n_chosen", [1, 2])
def test_a_constant_with_several_readers_is_stored_once_and_widened_before_the_first(
    network, features, n_chosen
):
    """One or both of two readers are chosen. The converter shares constants in this way."""
    graph = TfliteGraph(network)
    operators = graph.subgraph.operators
    subtractions = [op for op in operators if graph.operator_name(op) == "SUB"]
    shapes = [list(graph.subgraph.tensors[op.inputs[1]].shape) for op in subtractions]
    second = next(i for i, shape in enumerate(shapes) if shape in shapes[:i])
    first = shapes.index(shapes[second])
    constant = subtractions[first].inputs[1]
    subtractions[second].inputs = np.array([subtractions[second].inputs[0], constant], np.int32)
    shared = graph.to_bytes()
    readers = [operators.index(subtractions[i]) for i in (first, second)][-n_chosen:]

    narrow = constants_to_float16(
        shared, lambda graph, operator: graph.subgraph.operators.index(operator) in readers
    )
    types = [tensor.type for tensor in TfliteGraph(narrow).subgraph.tensors]
    assert types.count(schema.TensorType.FLOAT16) == 1
    np.testing.assert_allclose(infer(narrow, features)[0], infer(shared, features)[0], atol=0.01)


@pytest.mark.parametrize(
    ("io", "dtype", "middle"), [("int8", np.int8, 0), ("uint8", np.uint8, 128)]
)
def test_integers_go_in_and_come_out(network, features, io, dtype, middle):
    interpreter = Interpreter(model_content=with_integer_io(network, io))
    runner = interpreter.get_signature_runner()
    images = (np.rint(features.images[0] * 127) + middle).astype(dtype)
    outputs = runner(args_0=images, args_1=features.statistics[:1])
    assert outputs["output_0"].dtype == dtype and outputs["output_1"].dtype == np.float32
    probabilities = (outputs["output_0"].astype(np.float32) + 128 - middle) / 256
    np.testing.assert_allclose(probabilities, infer(network, features)[0], atol=0.03)
