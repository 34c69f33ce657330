"""Every recipe on one conversion, and networks other than the default."""

import dataclasses

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from edge_runtime.contract.container import read_model
from edge_runtime.frontend import FrontEnd
from edge_runtime.network.interpreter import Model, infer_all
from export.evaluation import ExportError, F1DropError, choose_windows
from export.pipeline import Exportable, Exporter, Job
from export.recipes import RECIPES


def test_the_runtime_accepts_the_file_of_every_recipe(exporter, tmp_path, new_windows):
    """Smaller files, the same classes, and integers where the recipe says so."""
    sizes = {}
    for name, recipe in RECIPES.items():
        exported = exporter.export(Job(tmp_path / f"{name}.tflite", recipe), show_progress=False)
        file = read_model(exported.job.path)
        assert file.contract.quantisation.recipe == name
        sizes[name] = exported.n_bytes
        model = Model(file.tflite, file.contract)
        features = FrontEnd.of(file.contract).compute_batch(new_windows[0])
        answers = infer_all(model, features)
        np.testing.assert_array_equal(
            np.array(file.contract.labels)[answers.argmax(1)], new_windows[1]
        )
        assert exported.comparison.agreement == 1
        outside = exported.cost.outside_xnnpack
        assert bool(outside) == (name == "int8-int16")  # XNNPACK has no 16-bit convolutions
    assert sizes["int8"] < 0.42 * sizes["float32"]
    assert sizes["float16"] < 0.6 * sizes["float32"]
    assert max(sizes["dynamic-int8"], sizes["weight-int8"]) < sizes["int8"] < sizes["int8-int16"]


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_images_and_probabilities_can_be_integers(exporter, tmp_path, io):
    exported = exporter.export(Job(tmp_path / "m.tflite", io=io), show_progress=False)
    file = read_model(exported.job.path)
    runner = Interpreter(model_content=file.tflite).get_signature_runner()
    types = {
        name: np.dtype(tensor["dtype"])
        for name, tensor in (runner.get_input_details() | runner.get_output_details()).items()
    }
    assert types == {"args_0": io, "output_0": io, "args_1": "float32", "output_1": "float32"}
    assert exported.comparison.agreement == 1
    assert exported.comparison.max_probability_difference < 0.05
    assert exported.cost.outside_xnnpack == ()


def test_a_drop_in_f1_beyond_the_limit_leaves_no_file(exporter, exporter_of, tmp_path):
    strict = exporter_of(exporter.model, exporter.windows, max_f1_drop=-1.0)
    with pytest.raises(
        F1DropError,
        match=r"int8 has a macro-F1 of 1\.0000, float 1\.0000: a drop of 0\.0000, expected "
        "-1 at most; no file was written",
    ):
        strict.export(Job(tmp_path / "m.tflite"), show_progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_cannot_be_converted_is_refused_in_one_line(route, tmp_path, capfd):
    class Odd(torch.nn.Module):
        def forward(self, images, statistics):
            # TensorFlow Lite has no such operator
            values = torch.linalg.eigvals(images[0, :3, :3, 0])
            return values.real[None], statistics

    model = dataclasses.replace(
        Exportable.of(route.model.classifier, route.model.header), network=Odd()
    )
    exporter = Exporter(model, choose_windows(model.contract, model.support, model.support_classes))
    with pytest.raises(
        ExportError, match="litert-torch cannot convert this network .*take another con"
    ) as caught:
        exporter.export(Job(tmp_path / "m.tflite"), show_progress=False)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_accuracy_on_unseen_people_is_recorded_in_the_contract(exporter, exporter_of, tmp_path):
    windows = exporter.windows
    unseen = dataclasses.replace(
        windows, verification=dataclasses.replace(windows.verification, unseen=True)
    )
    exported = exporter_of(exporter.model, unseen).export(
        Job(tmp_path / "m.tflite"), show_progress=False
    )
    provenance = exported.contract.provenance
    assert (provenance.macro_f1_float, provenance.macro_f1) == (1, 1)
    assert read_model(tmp_path / "m.tflite").contract.provenance == provenance


# ---- other networks


class _Backbone(torch.nn.Module):
    """Has what the default network lacks: a hard swish, squeeze and excitation, pooling."""

    def __init__(self):
        super().__init__()
        conv = torch.nn.Conv2d
        bn = torch.nn.BatchNorm2d
        act = torch.nn.Hardswish
        self.stem = torch.nn.Sequential(
            conv(3, 8, 3, 2, 1), bn(8), act(), torch.nn.MaxPool2d(3, 2, 1)
        )
        self.deep = torch.nn.Sequential(conv(8, 8, 3, 1, 1, groups=8), bn(8), act())
        self.squeeze = torch.nn.Sequential(
            torch.nn.AdaptiveAvgPool2d(1),
            conv(8, 4, 1),
            torch.nn.ReLU(),
            conv(4, 8, 1),
            torch.nn.Hardsigmoid(),
        )

    def forward(self, images):
        x = self.stem(images.permute(0, 3, 1, 2))
        y = self.deep(x)
        return (x + y * self.squeeze(y)).mean((2, 3))


class _Other(torch.nn.Module):
    def __init__(self, classes, images, statistics):
        super().__init__()
        self.backbone = _Backbone()
        self.linear = torch.nn.Linear(8 * images + statistics, classes)

    def forward(self, images, statistics):
        embedding = torch.cat([self.backbone(images).reshape(1, -1), statistics], 1)
        return torch.softmax(self.linear(embedding), 1), embedding


@pytest.mark.slow
def test_another_network_can_be_exported(exporter, tmp_path):
    torch.manual_seed(0)
    contract = exporter.model.contract
    n_images = contract.front_end.n_images
    n_statistics = FrontEnd.of(contract).statistics.size
    other = dataclasses.replace(
        exporter.model, network=_Other(3, n_images, n_statistics).eval().requires_grad_(False)
    )
    other_exporter = Exporter(other, exporter.windows)
    full, small = (
        other_exporter.export(Job(tmp_path / f"{name}.tflite", RECIPES[name]), show_progress=False)
        for name in ("float32", "int8")
    )
    # only the padding for pooling, with minus infinity
    assert small.cost.outside_xnnpack == full.cost.outside_xnnpack == ("PADV2",)
    assert small.comparison.max_probability_difference < 0.05
    interpreter = Interpreter(model_content=read_model(small.job.path).tflite)
    interpreter.allocate_tensors()
    types = {t["index"]: t["dtype"] for t in interpreter.get_tensor_details()}
    convolutions = [
        op for op in interpreter._get_ops_details() if op["op_name"].endswith("CONV_2D")
    ]
    assert len(convolutions) == 4 and {types[op["outputs"][0]] for op in convolutions} == {np.int8}
