"""From a trained model to model files: convert, quantise, check, measure, and only then write."""

from __future__ import annotations

import dataclasses
import datetime
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted
from torch import nn

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.container import pack_model, read_model
from edge_runtime.contract.spec import (
    SCHEMA,
    Contract,
    DecisionSpec,
    Provenance,
    Quantisation,
    StreamSpec,
)
from edge_runtime.errors import UserError
from edge_runtime.files import atomic_write
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import hop_samples, resolve_channels
from edge_runtime.network.interpreter import Inputs, Model, infer_all
from edge_runtime.network.verification import golden_vectors, round_to_golden_step
from export import cost
from export.converters.litert_torch import LitertTorch
from export.converters.onnx2tf import Onnx2tf
from export.device_network import DeviceNetwork
from export.evaluation import (
    Comparison,
    ExportWindows,
    F1DropError,
    check_agreement,
    check_float,
    check_sums,
    choose_windows,
    compare,
    evenly_spaced,
    trained_probabilities,
)
from export.flatbuffer import with_integer_io
from export.graph_front_end import GraphNetwork
from export.recipes import CONVERTERS, DEFAULT_RECIPE, RECIPES, Recipe
from img2imu.backbone import pretrained_backbone
from img2imu.classifier import MotionClassifier
from img2imu.progress import bar
from img2imu.storage import Header, describe, library_versions

GOLDEN_WINDOWS = 3
LIBRARIES = ("numpy", "torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert")
ROUTES: dict[str, type[LitertTorch] | type[Onnx2tf]] = dict(
    zip(CONVERTERS, (LitertTorch, Onnx2tf), strict=True)
)
STEPS = 4  # of the progress bar: features, conversion, quantisation, verification


def export_model(
    classifier: MotionClassifier,
    path: str | os.PathLike[str],
    *,
    header: Header | None = None,
    show_progress: bool = True,
) -> Exported:
    """Export a trained model to one int8 ``.tflite`` that carries its contract and golden vectors.

    Args:
        classifier: fitted. Two thirds of its support windows calibrate the quantiser, the others
            verify the result.
        path: of the file to write.
        header: where the model comes from. By default it is named after the file, and its data set
            is left open.
        show_progress: draw a progress bar.

    Raises:
        ExportError: the converted network fails a check; nothing is written.
        NotFittedError: the classifier was not fitted.
        OutputError: the file cannot be written.

    Examples:
        >>> classifier = MotionClassifier(50, "acc+gyro").fit(windows, labels)
        >>> export_model(classifier, "my_motions.tflite")
    """
    check_is_fitted(classifier)
    path = Path(path)
    if header is None:
        header = describe(classifier, name=path.stem, data_set="", split_sha256="")
    model = Exportable.of(classifier, header)
    windows = choose_windows(model.contract, model.support, model.support_classes)
    return Exporter(model, windows).export(Job(path), show_progress)


@dataclass(frozen=True)
class Job:
    """One model file to make.

    Attributes:
        path: of the file.
        recipe: how to quantise the network.
        converter: one of :data:`export.recipes.CONVERTERS`.
        io: type of images and probabilities, one of :data:`export.recipes.IO_TYPES`.
        front_end: ``host`` if the runtime computes the images, ``graph`` if the network does.

    Raises:
        UserError: two settings cannot be combined.
    """

    path: Path
    recipe: Recipe = RECIPES[DEFAULT_RECIPE]
    converter: str = "litert-torch"
    io: str = "float32"
    front_end: str = "host"

    def __post_init__(self) -> None:
        if self.front_end == "graph" and self.io != "float32":
            raise UserError(
                f"--io is {self.io} with the front end in the graph, expected float32, because 256 "
                "steps are too coarse for a raw window: leave --io out, or take --frontend host"
            )
        if self.front_end == "graph" and self.converter != "litert-torch":
            raise UserError(
                f"--converter is {self.converter} with the front end in the graph, expected "
                "litert-torch, the only one that converts it: leave --converter out, or take "
                "--frontend host"
            )


@dataclass(frozen=True)
class Exportable:
    """A trained network and what a device needs to know about it.

    Attributes:
        network: maps the front end's features, as tensors in their order, to probabilities and
            embedding.
        contract: of the model. The export fills in its quantisation.
        support: (n, window_samples, channels) windows that the model learnt from.
        support_classes: (n,) index into the contract's labels.
    """

    network: nn.Module
    contract: Contract
    support: Float32Array
    support_classes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, classifier: MotionClassifier, header: Header) -> Exportable:
        """Return a fitted classifier as an exportable model.

        Args:
            classifier: fitted.
            header: where the model comes from.
        """
        contract = build_contract(classifier, header)
        example = FrontEnd.of(contract).compute(classifier.support_windows_[0])
        network = DeviceNetwork(pretrained_backbone(), classifier.head_, example)
        return cls(network, contract, classifier.support_windows_, classifier.support_classes_)


@dataclass(frozen=True)
class Exported:
    """A model file that was written.

    Attributes:
        job: its settings.
        contract: inside the file.
        float_tflite: the network before quantisation, a plain ``.tflite``.
        n_bytes: size of the file.
        seconds: time the export took. If several files share a conversion, its time counts for the
            first.
        comparison: float and quantised network on the verification windows.
        cost: latency and memory.
    """

    job: Job
    contract: Contract
    float_tflite: bytes
    n_bytes: int
    seconds: float
    comparison: Comparison
    cost: cost.Cost


class Exporter:
    """Makes model files of one trained model. Each conversion is done once and serves every recipe.

    Args:
        model: to export.
        windows: that calibrate and verify.
        max_f1_drop: largest loss in macro-F1 on the verification windows; None sets no limit.
    """

    def __init__(
        self, model: Exportable, windows: ExportWindows, max_f1_drop: float | None = None
    ) -> None:
        self.model = model
        self.windows = windows
        self.max_f1_drop = max_f1_drop
        front_end = FrontEnd.of(model.contract)
        samples = windows.verification.samples
        self._calibration: dict[str, Inputs] = {
            "host": front_end.compute_batch(windows.calibration),
            "graph": windows.calibration,
        }
        self._verification: dict[str, Inputs] = {
            "host": front_end.compute_batch(samples),
            "graph": samples,
        }
        self._expected = trained_probabilities(model.network, self._verification["host"])
        self._routes: dict[tuple[str, str], LitertTorch | Onnx2tf] = {}

    def export(self, job: Job, show_progress: bool = True) -> Exported:
        """Make one file.

        Args:
            job: what to make.
            show_progress: draw a progress bar.

        Raises:
            ExportError: the converted network fails a check; nothing is written.
            F1DropError: it loses more than ``max_f1_drop``; nothing is written.
            OutputError: the file cannot be written.
        """
        started = time.perf_counter()
        with bar(f"exporting {job.recipe.name}", STEPS, show_progress) as advance:
            route = self._route(job)
            advance(2)
            tflite = route.to_tflite(job.recipe)
            if job.io != "float32":
                tflite = with_integer_io(tflite, job.io)
            contract = dataclasses.replace(
                self.model.contract, quantisation=route.describe(job.recipe)
            )
            advance(1)
            comparison = self._verify(Model(tflite, contract), job)
            contract = self._with_accuracy(contract, comparison)
            golden_windows = self.model.support[
                evenly_spaced(len(self.model.support), GOLDEN_WINDOWS)
            ]
            golden = golden_vectors(
                round_to_golden_step(golden_windows), contract, Model(tflite, contract)
            )
            content = pack_model(tflite, contract, golden)
            measured = _measure(content)
            advance(1)
        with atomic_write(job.path) as file:
            file.write(content)
        return Exported(
            job=job,
            contract=contract,
            float_tflite=route.float_tflite,
            n_bytes=len(content),
            seconds=time.perf_counter() - started,
            comparison=comparison,
            cost=measured,
        )

    def _route(self, job: Job) -> LitertTorch | Onnx2tf:
        """Convert the network, once per converter and front end, and check its float answers."""
        key = (job.converter, job.front_end)
        if key not in self._routes:
            network = self.model.network
            if job.front_end == "graph":
                network = GraphNetwork(network, self.model.contract)
            route = ROUTES[job.converter](network, self._calibration[job.front_end])
            float_model = Model(route.float_tflite, self.model.contract)
            probabilities = infer_all(float_model, self._verification[job.front_end])
            check_float(self._expected, probabilities, job.converter)
            self._routes[key] = route
        return self._routes[key]

    def _verify(self, model: Model, job: Job) -> Comparison:
        """Compare the quantised network with the trained one, and check what it lost."""
        probabilities = infer_all(model, self._verification[job.front_end])
        check_sums(probabilities, job.recipe.name, job.io)
        check_agreement(self._expected, probabilities, job.recipe.name)
        truth = self.windows.verification.classes
        comparison = compare(truth, self.model.contract.labels, self._expected, probabilities)
        if self.max_f1_drop is not None and comparison.f1_drop > self.max_f1_drop:
            raise F1DropError(
                f"{job.recipe.name} has a macro-F1 of {comparison.macro_f1:.4f}, float "
                f"{comparison.macro_f1_float:.4f}: a drop of {comparison.f1_drop:.4f}, expected "
                f"{self.max_f1_drop:g} at most; no file was written: take another recipe"
            )
        return comparison

    def _with_accuracy(self, contract: Contract, comparison: Comparison) -> Contract:
        """Record the macro-F1 in the contract, if it was measured on unseen windows."""
        if not self.windows.verification.unseen:
            return contract
        provenance = dataclasses.replace(
            contract.provenance,
            macro_f1_float=comparison.macro_f1_float,
            macro_f1=comparison.macro_f1,
        )
        return dataclasses.replace(contract, provenance=provenance)


def build_contract(classifier: MotionClassifier, header: Header) -> Contract:
    """Return the contract of a trained model, with the default decision settings.

    Args:
        classifier: fitted.
        header: where the model comes from.
    """
    rate_hz = float(classifier.rate_hz)
    provenance = Provenance(
        data_set=header.data_set,
        split_sha256=header.split_sha256,
        windows_per_class=int(np.bincount(classifier.support_classes_).min()),
        seed=int(classifier.seed),
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        versions={**header.versions, **library_versions(LIBRARIES)},
    )
    return Contract(
        schema=SCHEMA,
        name=header.name,
        stream=StreamSpec(resolve_channels(classifier.channels), rate_hz, classifier.gravity_),
        window_samples=classifier.window_samples_,
        hop_samples=hop_samples(rate_hz, classifier.front_end_),
        front_end=classifier.front_end_,
        labels=tuple(str(label) for label in classifier.classes_),
        decision=DecisionSpec(),
        quantisation=Quantisation("none", "none", "none"),
        provenance=provenance,
    )


def record_accuracy(path: str | os.PathLike[str], macro_f1_float: float, macro_f1: float) -> None:
    """Record in a model file's provenance the accuracy that was measured on unseen windows.

    Args:
        path: of the model file.
        macro_f1_float: of the float network, 0 to 1.
        macro_f1: of the model file, 0 to 1.
    """
    file = read_model(path)
    provenance = dataclasses.replace(
        file.contract.provenance, macro_f1_float=macro_f1_float, macro_f1=macro_f1
    )
    contract = dataclasses.replace(file.contract, provenance=provenance)
    content = pack_model(file.tflite, contract, file.golden)
    with atomic_write(path) as target:
        target.write(content)


def _measure(content: bytes) -> cost.Cost:
    """Measure a model file before it is written to its place."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        path.write_bytes(content)
        return cost.measure(path)
