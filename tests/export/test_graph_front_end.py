from dataclasses import replace

import numpy as np
import pytest
import torch

from edge_runtime import Recognizer
from edge_runtime.contract.container import read_model
from edge_runtime.errors import UserError
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend import statistics as host_statistics
from edge_runtime.frontend.design import design_front_end
from edge_runtime.network.interpreter import Model, infer_all
from edge_runtime.network.verification import DIFFERENT, verify
from export import graph_front_end
from export.evaluation import ExportError
from export.graph_front_end import FEATURES, GraphFrontEnd, GraphNetwork
from export.pipeline import Job
from export.recipes import RECIPES


@torch.inference_mode()
def compute_in_graph(contract, window):
    """Return images and statistics of a window, computed by the torch module."""
    images, statistics = GraphFrontEnd(contract)(torch.from_numpy(window[None]))
    return images.numpy(), statistics.numpy()[0]


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize(
    ("rate_hz", "seconds"), [(10.0, 3.0), (50.0, 2.0), (50.0, 7.3), (200.0, 1.0)]
)
def test_it_computes_what_the_runtime_computes(route, channels, rate_hz, seconds):
    contract = route.file.contract
    names = contract.stream.channels[:channels]
    n = round(rate_hz * seconds)
    spec = design_front_end(rate_hz, n, names)
    contract = replace(
        contract,
        stream=replace(contract.stream, channels=names, rate_hz=rate_hz),
        window_samples=n,
        hop_samples=spec.spectrograms[0].step_samples,
        front_end=spec,
    )
    random = np.random.default_rng(channels)
    window = random.normal(0, 3, (n, channels)).astype(np.float32)
    window[:, -1] += 9.81  # leaks from the lowest bin if any wave is wrong
    window[: 2 * n // 3, 0] = 0  # below the lowest level
    expected = FrontEnd.of(contract).compute(window)
    images, statistics = compute_in_graph(contract, window)
    np.testing.assert_allclose(images, expected.images, atol=1e-4)
    np.testing.assert_allclose(statistics, expected.statistics, rtol=1e-3, atol=2e-3)
    assert images.std() > 0.1


def test_it_has_every_statistic_and_feature_of_the_runtime(features):
    assert list(graph_front_end.STATISTICS) == list(host_statistics.STATISTICS)
    assert tuple(vars(features)) == FEATURES


def test_an_unknown_statistic_is_refused_by_name(route, network, monkeypatch):
    monkeypatch.delitem(graph_front_end.STATISTICS, "std")
    with pytest.raises(
        ExportError,
        match="the model's front end has the statistic 'std', expected one of mean, .* for "
        "--frontend graph: take --frontend host",
    ):
        GraphNetwork(network, route.file.contract)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (
            {"io": "uint8"},
            "--io is uint8 with the front end in the graph, expected float32",
        ),
        (
            {"converter": "onnx2tf"},
            "--converter is onnx2tf with the front end in the graph, expected litert-torch",
        ),
    ],
)
def test_choices_that_exclude_each_other_are_refused(tmp_path, choice, words):
    with pytest.raises(UserError, match=words):
        Job(tmp_path / "m.tflite", front_end="graph", **choice)


@pytest.fixture(scope="module")
def graph(exporter, tmp_path_factory):
    """Exports with the front end in the graph, as float32 and as int8."""
    home = tmp_path_factory.mktemp("graph")
    return {
        name: exporter.export(
            Job(home / f"{name}.tflite", RECIPES[name], front_end="graph"), show_progress=False
        )
        for name in ("float32", "int8")
    }


@pytest.mark.slow
def test_raw_windows_get_the_probabilities_of_the_host_form(graph, new_windows, features, route):
    files = {name: read_model(exported.job.path) for name, exported in graph.items()}
    by_graph = {
        name: infer_all(Model(file.tflite, file.contract), new_windows[0])
        for name, file in files.items()
    }
    by_host = infer_all(Model(route.exported.float_tflite, route.file.contract), features)
    np.testing.assert_allclose(by_graph["float32"], by_host, atol=1e-3)
    by_host = infer_all(Model(route.file.tflite, route.file.contract), features)
    np.testing.assert_array_equal(by_graph["int8"].argmax(1), by_host.argmax(1))
    np.testing.assert_allclose(by_graph["int8"], by_host, atol=0.05)


@pytest.mark.slow
def test_it_recognises_live_as_the_host_form_does(graph, route, motion):
    samples = np.concatenate([motion("walk", 4.0, seed=5), motion("shake", 4.0, seed=6)])
    times_s = np.arange(len(samples)) / 50
    by_graph, by_host = (
        Recognizer.load(path).push(times_s, samples)
        for path in (graph["int8"].job.path, route.exported.job.path)
    )
    assert [d.label for d in by_graph] == [d.label for d in by_host]
    assert by_graph[0].label == "walk" and by_graph[-1].label == "shake"


@pytest.mark.slow
def test_the_file_verifies_itself_and_its_network_is_int8_inside(graph):
    file = read_model(graph["int8"].job.path)
    assert verify(file).verdict != DIFFERENT
    assert graph["int8"].cost.front_end is None
    assert set(graph["int8"].cost.outside_xnnpack) <= {"CONCATENATION"}
    assert graph["int8"].n_bytes < 0.6 * graph["float32"].n_bytes
    assert graph["int8"].comparison.agreement == 1
