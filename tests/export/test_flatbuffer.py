import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from export.flatbuffer import (
    DATA_ALIGNMENT,
    Flatbuffer,
    halve_vectors,
    round_weights,
    shorten,
    with_integer_io,
)


@pytest.fixture(scope="module")
def network(route):
    """A float network as the converter wrote it."""
    return route.exported.float_tflite


def answers(tflite, features):
    interpreter = Interpreter(model_content=tflite)
    runner = interpreter.get_signature_runner()
    found = runner(args_0=features.images[0], args_1=features.statistics[:1])
    return found["output_0"], found["output_1"]


def names(tflite):
    return [tensor.name.decode() for tensor in Flatbuffer(tflite).graph.tensors]


def test_short_names_change_nothing_but_the_size(network, features):
    short = shorten(network)
    assert len(network) - len(short) > 15_000
    assert max(map(len, names(short))) < 30 < max(map(len, names(network)))
    for before, after in zip(answers(network, features), answers(short, features), strict=True):
        np.testing.assert_array_equal(before, after)
    assert shorten(short) == short


def test_inputs_and_outputs_are_named_as_in_the_signature(network):
    whole = Flatbuffer(shorten(network))
    signature = whole.model.signatureDefs[0]
    ends = [
        (end.name, whole.graph.tensors[end.tensorIndex].name)
        for end in (*signature.inputs, *signature.outputs)
    ]
    assert sorted(ends) == [
        (name, name) for name in (b"args_0", b"args_1", b"output_0", b"output_1")
    ]


def test_constants_stay_aligned(network):
    """The schema demands it of every buffer; kernels read them with vector instructions."""
    short = shorten(network)
    model = schema.Model.GetRootAs(short, 0)
    whole = np.frombuffer(short, np.uint8)
    begins = [
        model.Buffers(i).DataAsNumpy().ctypes.data - whole.ctypes.data
        for i in range(model.BuffersLength())
        if not model.Buffers(i).DataIsNone()
    ]
    assert len(begins) > 30
    assert {begin % DATA_ALIGNMENT for begin in begins} == {0}


def of_images(whole, operator):
    return whole.kind(operator) in ("SUB", "MUL") and whole.comes_from(operator, "args_0")


def test_rounded_matrices_are_a_quarter_as_long_and_nearly_the_same(network, features):
    rounded = round_weights(
        network, lambda whole, operator: whole.kind(operator) == "FULLY_CONNECTED"
    )
    small = [t for t in Flatbuffer(rounded).graph.tensors if t.type == schema.TensorType.INT8]
    assert len(small) == 4 and all(len(t.quantization.scale) == 3 for t in small)
    assert len(network) - len(rounded) > 3 * sum(int(np.prod(t.shape)) for t in small) - 4000
    np.testing.assert_allclose(
        answers(rounded, features)[0], answers(network, features)[0], atol=0.02
    )


def test_where_a_value_comes_from_is_followed_to_the_inputs(network):
    whole = Flatbuffer(network)
    subtractions = [op for op in whole.graph.operators if whole.kind(op) == "SUB"]
    assert [whole.comes_from(op, "args_0") for op in subtractions].count(True) == 3
    assert [whole.comes_from(op, "args_1") for op in subtractions].count(True) == 1
    (softmax,) = (op for op in whole.graph.operators if whole.kind(op) == "SOFTMAX")
    assert whole.comes_from(softmax, "args_0") and whole.comes_from(softmax, "args_1")


def test_constants_behind_the_flatbuffer_are_brought_home(network, features):
    """Where the quantiser puts those of large models; elsewhere in the file their places would be wrong."""
    whole = Flatbuffer(network)
    chosen = max(
        whole.model.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data)
    )
    data = chosen.data.tobytes()
    chosen.data, chosen.offset, chosen.size = None, 1 << 20, len(data)
    chosen.offset = -(-len(whole.to_bytes()) // DATA_ALIGNMENT) * DATA_ALIGNMENT
    apart = whole.to_bytes().ljust(chosen.offset, b"\0") + data
    expected = answers(network, features)
    for found in (answers(apart, features), answers(shorten(apart), features)):
        np.testing.assert_array_equal(found[0], expected[0])
    assert len(shorten(apart)) == len(shorten(network))


def test_halved_vectors_are_half_as_long_and_nearly_the_same(network, features):
    half = halve_vectors(network, of_images)
    kept = [t for t in Flatbuffer(half).graph.tensors if t.type == schema.TensorType.FLOAT16]
    assert len(kept) == 6  # mean and deviation of texture, mean and peak spectrum
    saved = sum(2 * int(np.prod(t.shape)) for t in kept)
    assert saved > 8000
    assert len(network) - len(half) > saved - 3000
    np.testing.assert_allclose(answers(half, features)[0], answers(network, features)[0], atol=0.01)
    assert not np.array_equal(answers(half, features)[0], answers(network, features)[0])


@pytest.mark.parametrize(
    ("io", "dtype", "middle"), [("int8", np.int8, 0), ("uint8", np.uint8, 128)]
)
def test_integers_go_in_and_come_out(network, features, io, dtype, middle):
    interpreter = Interpreter(model_content=with_integer_io(network, io))
    runner = interpreter.get_signature_runner()
    images = (np.rint(features.images[0] * 127) + middle).astype(dtype)
    found = runner(args_0=images, args_1=features.statistics[:1])
    assert found["output_0"].dtype == dtype and found["output_1"].dtype == np.float32
    probabilities = (found["output_0"].astype(np.float32) + 128 - middle) / 256
    np.testing.assert_allclose(probabilities, answers(network, features)[0], atol=0.03)
