"""Trained model to model files: convert, quantise, describe, check, measure, and only then write."""

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
from export.checks import ExportError, check_agreement, check_float, check_sums, trained_answers
from export.converters.litert_torch import LitertTorch
from export.converters.onnx2tf import Onnx2tf
from export.evidence import Evidence, gather, spread
from export.flatbuffer import with_integer_io
from export.graph_front_end import GraphNetwork
from export.network import DeviceNetwork
from export.recipes import CONVERTERS, DEFAULT_RECIPE, RECIPES, Recipe
from export.verification import Comparison, compare
from img2imu.backbone import pretrained_backbone
from img2imu.classifier import MotionClassifier
from img2imu.progress import bar
from img2imu.storage import Header, library_versions

GOLDEN_WINDOWS = 3
LIBRARIES = ("numpy", "torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert")
ROUTES: dict[str, type[LitertTorch] | type[Onnx2tf]] = dict(
    zip(CONVERTERS, (LitertTorch, Onnx2tf), strict=True)
)
STEPS = 4  # of an export: features, conversion, quantisation, verification


@dataclass(frozen=True)
class Job:
    """One model file to make.

    Attributes:
        path: of the file.
        recipe: how the network is made small.
        converter: out of :data:`export.recipes.CONVERTERS`.
        io: type of images and probabilities, out of :data:`export.recipes.IO_TYPES`.
        front_end: ``host``, where the runtime draws the images, or ``graph``, inside the network.

    Raises:
        UserError: choices that exclude each other.
    """

    path: Path
    recipe: Recipe = RECIPES[DEFAULT_RECIPE]
    converter: str = "litert-torch"
    io: str = "float32"
    front_end: str = "host"

    def __post_init__(self) -> None:
        if self.front_end == "graph" and self.io != "float32":
            raise UserError(
                f"--io {self.io} was asked for with the front end in the graph, expected float32: a raw "
                "window in 256 steps is too coarse; leave --io out, or take --frontend host"
            )
        if self.front_end == "graph" and self.converter != "litert-torch":
            raise UserError(
                f"--converter {self.converter} was asked for with the front end in the graph, which "
                "litert-torch alone converts: leave --converter out, or take --frontend host"
            )


@dataclass(frozen=True)
class Exportable:
    """A trained network with all that a device needs to know about it.

    Attributes:
        network: the front end's features as tensors in their order, to probabilities and embedding.
        contract: what it takes and gives; its quantisation is filled in by the export.
        support: (n, window_samples, channels) windows that it learnt from.
        support_classes: (n,) index into the contract's labels.
    """

    network: nn.Module
    contract: Contract
    support: Float32Array
    support_classes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, classifier: MotionClassifier, header: Header) -> Exportable:
        """A fitted classifier, and where it comes from."""
        contract = build_contract(classifier, header)
        example = FrontEnd.of(contract).compute(classifier.support_windows_[0])
        network = DeviceNetwork(pretrained_backbone(), classifier.head_, example)
        return cls(network, contract, classifier.support_windows_, classifier.support_classes_)


@dataclass(frozen=True)
class Exported:
    """What an export made.

    Attributes:
        job: what was asked for.
        contract: what the file carries.
        float_tflite: the network before quantisation, a plain ``.tflite``.
        n_bytes: size of the file.
        seconds: time it took; of a conversion that several files share, the first one bears all.
        comparison: float and quantised on the verification windows.
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
    """Makes files of one trained model; networks converted once serve every recipe.

    Args:
        model: what is exported.
        evidence: windows that calibrate, and windows that judge.
        max_f1_drop: largest loss in macro-F1 on the verification windows; None sets no limit.
    """

    def __init__(
        self, model: Exportable, evidence: Evidence, max_f1_drop: float | None = None
    ) -> None:
        self.model = model
        self.evidence = evidence
        self.max_f1_drop = max_f1_drop
        front_end = FrontEnd.of(model.contract)
        samples = evidence.verification.samples
        self._calibration: dict[str, Inputs] = {
            "host": front_end.compute_batch(evidence.calibration),
            "graph": evidence.calibration,
        }
        self._verification: dict[str, Inputs] = {
            "host": front_end.compute_batch(samples),
            "graph": samples,
        }
        self._expected = trained_answers(model.network, self._verification["host"])
        self._routes: dict[tuple[str, str], LitertTorch | Onnx2tf] = {}

    def export(self, job: Job, show_progress: bool = True) -> Exported:
        """Make one file.

        Raises:
            ExportError: the made file fails a check; nothing is written.
            F1DropError: it lost more than ``max_f1_drop``; nothing is written.
            OutputError: the place cannot be written.
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
            comparison = self._judge(Model(tflite, contract), job)
            contract = self._with_accuracy(contract, comparison)
            golden_windows = self.model.support[spread(len(self.model.support), GOLDEN_WINDOWS)]
            golden = golden_vectors(
                round_to_golden_step(golden_windows), contract, Model(tflite, contract)
            )
            content = pack_model(tflite, contract, golden)
            measured = _measured(content)
            advance(1)
        with atomic_write(job.path) as file:
            file.write(content)
        return Exported(
            job,
            contract,
            route.float_tflite,
            len(content),
            time.perf_counter() - started,
            comparison,
            measured,
        )

    def _route(self, job: Job) -> LitertTorch | Onnx2tf:
        """The network converted, once; what it answers in float is held against the trained network."""
        key, network = (job.converter, job.front_end), self.model.network
        if key not in self._routes:
            if job.front_end == "graph":
                network = GraphNetwork(network, self.model.contract)
            route = ROUTES[job.converter](network, self._calibration[job.front_end])
            answers = infer_all(
                Model(route.float_tflite, self.model.contract), self._verification[job.front_end]
            )
            check_float(self._expected, answers, job.converter)
            self._routes[key] = route
        return self._routes[key]

    def _judge(self, model: Model, job: Job) -> Comparison:
        answers = infer_all(model, self._verification[job.front_end])
        check_sums(answers, job.recipe.name, job.io)
        check_agreement(self._expected, answers, job.recipe.name)
        comparison = compare(
            self.evidence.verification.classes, self.model.contract.labels, self._expected, answers
        )
        if self.max_f1_drop is not None and comparison.f1_drop > self.max_f1_drop:
            raise F1DropError(
                f"{job.recipe.name} has a macro-F1 of {comparison.macro_f1:.4f}, float "
                f"{comparison.macro_f1_float:.4f}: a drop of {comparison.f1_drop:.4f}, expected "
                f"{self.max_f1_drop:g} at most; no file was written: take another recipe"
            )
        return comparison

    def _with_accuracy(self, contract: Contract, comparison: Comparison) -> Contract:
        if not self.evidence.verification.unseen:
            return contract
        provenance = dataclasses.replace(
            contract.provenance,
            macro_f1_float=comparison.macro_f1_float,
            macro_f1=comparison.macro_f1,
        )
        return dataclasses.replace(contract, provenance=provenance)


class F1DropError(ExportError):
    """A model file that lost more accuracy than was allowed."""


def export_model(
    classifier: MotionClassifier,
    header: Header,
    path: str | os.PathLike[str],
    show_progress: bool = True,
) -> Exported:
    """Make a trained model one int8 ``.tflite`` that carries its contract and golden vectors.

    Args:
        classifier: fitted; two thirds of its support windows calibrate the quantiser, the others
            verify.
        header: where the model comes from.
        path: of the file to write.
        show_progress: draw a bar over the steps.

    Raises:
        ExportError: the made file fails a check; nothing is written.
        OutputError: the place cannot be written.
    """
    model = Exportable.of(classifier, header)
    evidence = gather(model.contract, model.support, model.support_classes)
    return Exporter(model, evidence).export(Job(Path(path)), show_progress)


def build_contract(classifier: MotionClassifier, header: Header) -> Contract:
    """The contract of a trained model, with the default decision settings."""
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
    """Write what was measured on windows not trained on into a model file's provenance."""
    file = read_model(path)
    provenance = dataclasses.replace(
        file.contract.provenance, macro_f1_float=macro_f1_float, macro_f1=macro_f1
    )
    content = pack_model(
        file.tflite, dataclasses.replace(file.contract, provenance=provenance), file.golden
    )
    with atomic_write(path) as target:
        target.write(content)


def _measured(content: bytes) -> cost.Cost:
    """Cost of a model file that is not in its place yet."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        path.write_bytes(content)
        return cost.measure(path)
