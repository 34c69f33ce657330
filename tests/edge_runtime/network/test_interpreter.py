import importlib
import importlib.metadata
import shutil
import types
from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.contract.container import pack_model, read_model
from edge_runtime.errors import ContractError, UserError
from edge_runtime.frontend import Features
from edge_runtime.frontend.statistics import WindowStatistics
from edge_runtime.network import interpreter as model_module
from edge_runtime.network.interpreter import (
    Model,
    infer_all,
    load_interpreter,
    one_by_one,
    operators_outside,
    operators_outside_text,
    window_at,
)
from edge_runtime.recognizer import Recognizer


@pytest.fixture(scope="module")
def demo(demo_model_path):
    return read_model(demo_model_path)


def tensor(index, shape, dtype=np.float32, scale=0.0, zero=0):
    return {"index": index, "shape": np.array(shape), "dtype": dtype, "quantization": (scale, zero)}


class FakeInterpreter:
    """The part of an interpreter that Model uses. A test sets the tensors."""

    inputs = outputs = None

    def __init__(self, model_content, num_threads):
        self.tensors = {}

    def allocate_tensors(self):
        pass

    def get_signature_runner(self):
        return types.SimpleNamespace(
            get_input_details=lambda: self.inputs, get_output_details=lambda: self.outputs
        )

    def set_tensor(self, index, value):
        self.tensors[index] = value

    def invoke(self):
        self.tensors[7] = np.array([[0.2, 0.3, self.tensors[3].sum()]], np.float32)
        self.tensors[5] = self.tensors[4] * 2

    def get_tensor(self, index):
        return self.tensors[index]


@pytest.fixture
def interpreter(monkeypatch, make_contract):
    """Replace LiteRT by the fake, with the tensors of a fitting network. Indices are shuffled."""
    contract = make_contract()
    front = contract.front_end
    n = WindowStatistics.of(contract).size
    monkeypatch.setattr(
        FakeInterpreter,
        "inputs",
        {
            "args_1": tensor(4, (1, n)),
            "args_0": tensor(3, (front.n_images, front.image_height, front.image_width, 3)),
        },
    )
    monkeypatch.setattr(
        FakeInterpreter, "outputs", {"output_1": tensor(5, (1, n)), "output_0": tensor(7, (1, 3))}
    )
    monkeypatch.setattr(model_module, "load_interpreter", lambda: (FakeInterpreter, "fake 1.0"))
    return FakeInterpreter


def test_tensors_are_looked_up_by_name(interpreter, make_contract):
    contract = make_contract()
    model = Model(b"", contract, threads=3)
    images = np.zeros(interpreter.inputs["args_0"]["shape"], np.float32)
    images[0, 0, 0, 0] = 0.5
    statistics = np.arange(interpreter.inputs["args_1"]["shape"][1], dtype=np.float32)
    probabilities, embedding = model.infer(Features(images, statistics))
    np.testing.assert_allclose(probabilities, [0.2, 0.3, 0.5])
    np.testing.assert_array_equal(embedding, statistics * 2)
    assert (model.runtime, model.threads, model.takes_windows) == ("fake 1.0", 3, False)


@pytest.mark.parametrize(
    "dtype, zero, low, high", [(np.int8, 0, -127, 127), (np.uint8, 128, 1, 255)]
)
def test_images_are_quantised_and_probabilities_dequantised(
    interpreter, make_contract, monkeypatch, dtype, zero, low, high
):
    contract = make_contract()
    shape = tuple(interpreter.inputs["args_0"]["shape"])
    monkeypatch.setitem(interpreter.inputs, "args_0", tensor(3, shape, dtype, 1 / 127, zero))
    monkeypatch.setitem(interpreter.outputs, "output_0", tensor(7, (1, 3), np.uint8, 1 / 256))
    seen = []
    monkeypatch.setattr(
        interpreter,
        "invoke",
        lambda self: (
            seen.append(self.tensors[3])
            or self.tensors.update(
                {5: np.zeros((1, 4), np.float32), 7: np.array([[0, 64, 192]], np.uint8)}
            )
        ),
    )
    images = np.resize(np.array([-1, 1, 0, 1.5, 0.1], np.float32), shape)
    n_statistics = interpreter.inputs["args_1"]["shape"][1]
    probabilities, _ = Model(b"", contract).infer(
        Features(images, np.zeros(n_statistics, np.float32))
    )
    assert seen[0].dtype == dtype
    top = np.iinfo(dtype).max
    assert seen[0].ravel()[:5].tolist() == [low, high, zero, min(top, zero + 190), zero + 13]
    assert probabilities.dtype == np.float32 and probabilities.tolist() == [0, 0.25, 0.75]


def test_a_network_with_the_front_end_inside_takes_windows(interpreter, make_contract, monkeypatch):
    contract = make_contract()
    monkeypatch.setattr(interpreter, "inputs", {"args_0": tensor(3, (1, 32, 6))})
    seen = []
    monkeypatch.setattr(
        interpreter,
        "invoke",
        lambda self: (
            seen.append(self.tensors[3])
            or self.tensors.update(
                {5: np.zeros((1, 4), np.float32), 7: np.array([[0, 0, 1]], np.float32)}
            )
        ),
    )
    model = Model(b"", contract)
    assert model.takes_windows
    window = np.arange(32 * 6, dtype=np.float32).reshape(32, 6)
    assert model.infer(window)[0].tolist() == [0, 0, 1]
    np.testing.assert_array_equal(seen[0], window[None])
    monkeypatch.setattr(interpreter, "inputs", {"args_0": tensor(3, (1, 31, 6))})
    with pytest.raises(
        ContractError, match=r"windows are float32 \(1, 31, 6\), the contract says float32 \(1, 32"
    ):
        Model(b"", contract)


@pytest.mark.parametrize(
    "side, name, detail, words",
    [
        ("inputs", "args_0", tensor(3, (4, 9, 9, 3)), "images are float32 (4, 9, 9, 3)"),
        ("inputs", "args_0", tensor(3, (4, 9, 10, 3), np.int16), "images are int16"),
        # without a scale
        ("inputs", "args_0", tensor(3, (4, 9, 10, 3), np.int8), "images are int8"),
        ("inputs", "args_1", tensor(4, (1, 2)), "statistics are float32 (1, 2)"),
        ("outputs", "output_0", tensor(7, (1, 4)), "probabilities are float32 (1, 4)"),
        ("outputs", "output_0", tensor(7, (1, 3), np.int8), "probabilities are int8"),
    ],
)
def test_a_network_of_another_shape_or_type_is_refused(
    interpreter, make_contract, monkeypatch, is_sentence, side, name, detail, words
):
    monkeypatch.setitem(getattr(interpreter, side), name, detail)
    with pytest.raises(ContractError) as caught:
        Model(b"", make_contract())
    assert words in str(caught.value) and "the contract says float32" in str(caught.value)
    assert is_sentence(str(caught.value))


@pytest.mark.parametrize(
    "side, name",
    [("inputs", "args_0"), ("inputs", "args_1"), ("outputs", "output_0"), ("outputs", "output_1")],
)
def test_a_network_with_other_names_is_refused(
    interpreter, make_contract, monkeypatch, is_sentence, side, name
):
    monkeypatch.delitem(getattr(interpreter, side), name)
    with pytest.raises(ContractError, match=f"cannot load the network .*{name}") as caught:
        Model(b"", make_contract())
    assert is_sentence(str(caught.value))


@pytest.mark.parametrize(
    "error", [ValueError("no\nsecond line"), RuntimeError("no"), ValueError("")]
)
def test_an_error_of_the_interpreter_is_reported_in_one_line(
    interpreter, make_contract, monkeypatch, is_sentence, error
):
    def refuse(self):
        raise error

    monkeypatch.setattr(interpreter, "allocate_tensors", refuse)
    with pytest.raises(ContractError, match=r"fake 1\.0 cannot load the network") as caught:
        Model(b"", make_contract())
    assert is_sentence(str(caught.value))


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_than_one_thread_is_refused(make_contract, threads):
    with pytest.raises(UserError, match=f"threads is {threads}, expected 1 or more"):
        Model(b"", make_contract(), threads)


# Not with the identifier of a .tflite: tflite-runtime 2.14 does not verify what follows it, and may
# crash. The hash in the container keeps damaged networks from it.
@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x1c\x00\x00\x00TFL2" + bytes(1000)])
def test_the_installed_interpreter_refuses_bytes_that_are_not_a_network(
    make_contract, is_sentence, content
):
    with pytest.raises(ContractError, match="cannot load the network") as caught:
        Model(content, make_contract())
    assert is_sentence(str(caught.value))


def fake_import(monkeypatch, installed, versions):
    """Make only the modules in ``installed`` importable."""

    def import_module(name):
        if name not in installed:
            raise ImportError(name)
        return types.SimpleNamespace(Interpreter=name)

    def version(distribution):
        if distribution not in versions:
            raise importlib.metadata.PackageNotFoundError(distribution)
        return versions[distribution]

    monkeypatch.setattr(importlib, "import_module", import_module)
    monkeypatch.setattr(importlib.metadata, "version", version)


def test_litert_is_preferred_then_its_old_name_then_tensorflow(monkeypatch):
    modules = [
        "ai_edge_litert.interpreter",
        "tflite_runtime.interpreter",
        "tensorflow.lite.python.interpreter",
    ]
    versions = {"ai-edge-litert": "2", "tflite-runtime": "2.14", "tensorflow": "2.21"}
    loaded = []
    while modules:
        fake_import(monkeypatch, list(reversed(modules)), versions)
        loaded.append(load_interpreter())
        assert loaded[-1][0] == modules.pop(0)
    assert [name for _, name in loaded] == [
        "ai-edge-litert 2",
        "tflite-runtime 2.14",
        "tensorflow 2.21",
    ]


def test_a_runtime_from_another_distribution_is_used_without_its_version(monkeypatch):
    fake_import(monkeypatch, ["tensorflow.lite.python.interpreter"], {"tensorflow-cpu": "2.21"})
    assert load_interpreter()[1] == "tensorflow"


def test_without_any_runtime_the_remedy_is_named(monkeypatch, is_sentence):
    fake_import(monkeypatch, [], {})
    with pytest.raises(UserError, match="pip install ai-edge-litert") as caught:
        load_interpreter()
    assert is_sentence(str(caught.value))


def test_the_bundled_model_answers_with_probabilities(demo):
    model = Model(demo.tflite, demo.contract)
    runtime, version = model.runtime.split(" ")
    assert runtime in ("ai-edge-litert", "tflite-runtime", "tensorflow") and version[0].isdigit()
    recognizer = Recognizer(demo.contract, model)
    features = recognizer._front_end.compute(demo.golden.windows[0])
    probabilities, embedding = model.infer(features)
    assert probabilities.shape == (len(demo.contract.labels),) and probabilities.dtype == np.float32
    assert probabilities.min() >= 0 and abs(probabilities.sum() - 1) < 0.02
    assert embedding.ndim == 1 and np.isfinite(embedding).all()


def test_an_answer_is_not_overwritten_by_the_next(demo):
    model = Model(demo.tflite, demo.contract)
    front_end = Recognizer(demo.contract, model)._front_end
    first = model.infer(front_end.compute(demo.golden.windows[0]))
    copies = [part.copy() for part in first]
    model.infer(front_end.compute(demo.golden.windows[-1] * 0))
    for part, copy in zip(first, copies, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_threads_do_not_change_the_answer(demo):
    one, two = Model(demo.tflite, demo.contract), Model(demo.tflite, demo.contract, threads=2)
    assert two.threads == 2
    features = Recognizer(demo.contract, one)._front_end.compute(demo.golden.windows[0])
    np.testing.assert_allclose(one.infer(features)[0], two.infer(features)[0], atol=1e-6)


def test_the_bundled_model_is_refused_under_another_contract(demo):
    fewer = replace(demo.contract, labels=demo.contract.labels[:-1])
    with pytest.raises(ContractError, match="probabilities"):
        Model(demo.tflite, fewer)


def test_wrong_model_files_are_refused_when_loading(demo, demo_model_path, tmp_path, is_sentence):
    whole = demo_model_path.read_bytes()
    files = {
        "missing": None,
        "empty": b"",
        "not a tflite": b"not a model at all",
        "no contract": demo.tflite,
        "cut short": whole[:-1],
        "cut in the network": whole[: len(demo.tflite) // 2],
        "a flipped bit": whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
        "half a network": demo.tflite[: len(demo.tflite) // 2] + whole[len(demo.tflite) :],
    }
    for name, content in files.items():
        path = tmp_path / f"{name}.tflite"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ContractError) as caught:
            Recognizer.load(path)
        assert is_sentence(str(caught.value).replace(str(tmp_path), "")), name


def test_a_model_file_can_be_packed_again(demo, tmp_path):
    path = tmp_path / "again.tflite"
    path.write_bytes(pack_model(demo.tflite, demo.contract, demo.golden))
    assert Recognizer.load(path).contract == demo.contract


def test_a_model_loads_from_any_folder_and_name(demo_model_path, tmp_path):
    path = tmp_path / "Übung 1 (kopie)"
    shutil.copy(demo_model_path, path)
    assert Recognizer.load(str(path)).fill == 0


# ---- batches


def test_windows_of_a_batch():
    batch = Features(np.arange(6.0).reshape(3, 2), np.arange(3.0))
    assert window_at(batch, 1).images.tolist() == [2, 3]
    assert window_at(batch, 1).statistics == 1
    assert [window.statistics for window in one_by_one(batch)] == [0, 1, 2]


def test_raw_windows_are_a_batch_too(fake_model):
    windows = np.arange(12.0).reshape(2, 3, 2)
    assert window_at(windows, 1).tolist() == windows[1].tolist()
    assert [window.sum() for window in one_by_one(windows)] == [15, 51]
    assert infer_all(fake_model(2, answer=lambda window: window[0]), windows).tolist() == [
        [0, 1],
        [6, 7],
    ]


def test_probabilities_are_in_the_order_of_the_windows(fake_model):
    model = fake_model(3, answer=lambda features: np.full(3, features.statistics, np.float32))
    probabilities = infer_all(model, Features(np.zeros((4, 1)), np.arange(4.0)))
    assert probabilities.tolist() == [[i] * 3 for i in range(4)]


# ---- delegates


class FakeGraph:
    def __init__(self, *operators):
        self.operators = operators

    def _get_ops_details(self):
        return [
            {"op_name": name, "inputs": np.array(inputs), "outputs": np.array(outputs)}
            for name, inputs, outputs in self.operators
        ]


# 0 -A-> 1 -B-> 2 -C-> 3 -D-> 4; A and D also take a constant, 9. -1 is an input that is left out.
CHAIN = (("A", [0, 9, -1], [1]), ("B", [1], [2]), ("C", [2], [3]), ("D", [3, 9], [4]))


@pytest.mark.parametrize(
    ("delegates", "outside"),
    [
        ([], None),
        ([("DELEGATE", [0, 9], [4])], ()),
        ([("DELEGATE", [1], [3])], ("A", "D")),
        ([("DELEGATE", [0, 9], [1]), ("DELEGATE", [3, 9], [4])], ("B", "C")),
        ([("DELEGATE", [2], [3])], ("A", "B", "D")),
    ],
)
def test_a_delegate_computes_what_lies_between_its_inputs_and_outputs(delegates, outside):
    assert operators_outside(FakeGraph(*CHAIN, *delegates)) == outside


def test_operators_outside_is_none_if_the_runtime_does_not_tell():
    assert operators_outside(object()) is None


def test_operators_outside_in_words():
    assert operators_outside_text(()) == "XNNPACK, every operator"
    assert (
        operators_outside_text(("ADD", "CONV_2D", "ADD"))
        == "XNNPACK, but for 3 operators (ADD, CONV_2D)"
    )
    assert operators_outside_text(None).startswith("none")


def test_the_delegate_computes_all_of_the_bundled_model(demo_model_path):
    model = Model.of(read_model(demo_model_path))
    if model.runtime.startswith("ai-edge-litert"):
        assert model.outside_delegate in ((), None)  # None where a processor has no delegate
    else:  # the delegate of tflite-runtime 2.14 computes float operators only
        assert model.outside_delegate is None or "CONV_2D" in model.outside_delegate
