"""From examples to a head, a contract, and a model file."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.container import ModelFile, Taught
from edge_runtime.contract.head import LinearHead, fit_head
from edge_runtime.contract.spec import Contract, DecisionSpec, Provenance
from edge_runtime.network.interpreter import Model
from edge_runtime.network.verification import golden_vectors
from edge_runtime.teaching.embedder import Embedder
from edge_runtime.teaching.examples import Examples
from edge_runtime.teaching.review import Known, Review, review


@dataclass(frozen=True, eq=False)
class Fitted:
    """What follows from the examples.

    Attributes:
        contract: with their labels.
        head: as float32 holds it, so that a file that was read answers as the teacher that wrote
            it; None while there is nothing to tell apart.
        review: likewise.
        taught: the arrays for the file.
    """

    contract: Contract
    head: LinearHead | None
    review: Review | None
    taught: Taught


def fit(draft: Contract, examples: Mapping[str, Examples], background: Examples | None) -> Fitted:
    """Fit the head, judge it, and choose the threshold.

    Args:
        draft: a contract with nothing taught.
        examples: by label.
        background: what is none of them.
    """
    assert draft.taught is not None
    labels = tuple(sorted(examples))
    none = np.empty((0, draft.taught.embedding_size), np.float32)
    embeddings = np.concatenate([none, *(examples[label].embeddings for label in labels)])
    behind = none if background is None else background.embeddings
    seconds = 0.0 if background is None else background.seconds
    spec = replace(
        draft.taught,
        windows=tuple(len(examples[label].embeddings) for label in labels),
        background_windows=len(behind),
        background_s=seconds,
    )
    contract = replace(
        draft, labels=labels, provenance=_provenance(embeddings, spec.windows), taught=spec
    )
    if not spec.rows:
        return Fitted(contract, None, None, Taught(embeddings, behind, None))
    known = Known(
        np.concatenate([embeddings, behind]),
        labels,
        spec.windows,
        spec.blocks,
        seconds,
        draft.window_s,
    )
    head = _as_stored(fit_head(known.embeddings, known.classes, spec.blocks))
    found = review(known)
    if found.rejection is not None:
        chosen = found.rejection.chosen
        spec = replace(
            spec, false_triggers_per_hour=chosen.false_triggers_per_hour, missed=chosen.missed
        )
        contract = replace(contract, taught=spec, decision=DecisionSpec(threshold=chosen.threshold))
    return Fitted(contract, head, found, Taught(embeddings, behind, head))


def as_model_file(fitted: Fitted, embedder: Embedder, windows: Float32Array) -> ModelFile:
    """With golden vectors of the windows (n, window_samples, channels): one of each label, one of the background."""
    model = None
    if fitted.head is not None:
        model = Model(embedder.tflite, fitted.contract, embedder.threads, fitted.head)
    golden = golden_vectors(windows, fitted.contract, model)
    return ModelFile(embedder.tflite, fitted.contract, golden, fitted.taught)


def _provenance(embeddings: Float32Array, windows: tuple[int, ...]) -> Provenance:
    from importlib import metadata  # here, because importing it takes 8 ms

    return Provenance(
        "examples taught on the device",
        hashlib.sha256(embeddings.tobytes()).hexdigest(),
        min(windows, default=0),
        0,
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        {name: metadata.version(name) for name in ("img2imu", "numpy")},
    )


def _as_stored(head: LinearHead) -> LinearHead:
    return LinearHead(
        **{
            f.name: getattr(head, f.name).astype(np.float32).astype(np.float64)
            for f in fields(LinearHead)
        }
    )
