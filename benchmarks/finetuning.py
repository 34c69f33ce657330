"""Other heads, views of the windows and fine-tuning against the default head: ``make finetuning``.

Everything runs on the tasks, manifests and scores of the few-shot benchmark (docs/fewshot.md). For
each k, the best rule is chosen on the draws of one seed and reported on those of another. A stopped
run continues where it was.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from grid_benchmark import add_jobs, add_k, load, make_parser, print_failures
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from torch import nn

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.head import CLIP, LinearHead, fit_head
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import block_sizes, design_front_end
from img2imu.backbone import EarlyBlocks, embed, pretrained_backbone
from img2imu.baselines import Factory
from img2imu.baselines.interface import Labels, WindowCache, WindowSamples
from img2imu.baselines.training import seeded
from img2imu.baselines.variants import estimate_batch_norm
from img2imu.fewshot.manifest import make_manifest
from img2imu.fewshot.report import signed_points
from img2imu.fewshot.runner import Result, run_grid
from img2imu.fewshot.scores import Interval, interval_over_subjects
from img2imu.fewshot.tasks import TaskData, pick_tasks
from img2imu.markdown import markdown_table
from img2imu.nuisances import nuisance_copies

DEFAULT = "lda"
CHOOSE_SEED = 1
REPORT_SEED = 0
REFERENCE_WINDOWS = 128  # unlabelled ones, to standardise or to estimate batch norm on
PREDICT_WINDOWS = 64  # in a batch
LDA_SHRINKAGE = 0.1  # that of the default head
NULL_SINGULAR_VALUE = 1e-9  # relative to the largest: directions below hold no window

# Fine-tuning
HEAD_RATE = 1e-3
BACKBONE_RATE = 1e-4
BATCH_WINDOWS = 12
ROLL_COLUMNS = 4  # of 32: windows are shifted by up to an eighth of their length

Classes = npt.NDArray[np.int64]  # (n,) numbers from 0
Predictor = Callable[[Float64Array], Classes]  # standardised features (n, d) to classes (n,)
View = Callable[[WindowSamples], WindowSamples]


def main() -> None:
    """Run the cells that are missing, print Markdown, write ``finetuning.json`` and ``.md``."""
    parser = make_parser(
        __doc__.splitlines()[0], out="out/finetuning", draws_help="draws to report on"
    )
    add_k(parser, "1,2,5,10")
    add_jobs(parser)
    parser.add_argument(
        "--choose-draws",
        type=int,
        default=5,
        metavar="N",
        help="draws to choose the best rule on (default: 5)",
    )
    parser.add_argument(
        "--tuned-draws",
        type=int,
        default=1,
        metavar="N",
        help="draws to report the rules on that change the backbone, which are slow; 0 leaves "
        "them out (default: 1)",
    )
    arguments = parser.parse_args()
    ks: list[int] = arguments.k
    tasks = load(pick_tasks(arguments.tasks), arguments.data_dir)

    def run(methods: Mapping[str, Factory], seed: int, draws: int) -> list[Result]:
        results: list[Result] = []
        for data in tasks:  # one after another, to print how far the run has come
            print(
                f"{data.task.name}: {len(methods)} rules, {draws} draws of seed {seed}", flush=True
            )
            manifest = make_manifest(data, ks, draws, seed)
            cells = arguments.out / "cells.jsonl"
            new, failures = run_grid([data], [manifest], methods, cells, arguments.jobs)
            print_failures(failures)
            results += new
        return results

    chosen_on = compute_differences(
        run(frozen_methods(), CHOOSE_SEED, arguments.choose_draws), tasks, ks
    )
    results = run(frozen_methods(), REPORT_SEED, arguments.draws)
    if arguments.tuned_draws:
        results += run(tuned_methods(), REPORT_SEED, arguments.tuned_draws)
    write_report(arguments.out, chosen_on, compute_differences(results, tasks, ks), results)


# ---- views: other windows that the same motion might have given


def resampled(windows: WindowSamples, speed: float = 1.0, shift: float = 0.0) -> WindowSamples:
    """Play windows ``speed`` times as fast about their middle, ``shift`` of a length later.

    They are mirrored at their ends.
    """
    last = windows.shape[1] - 1
    at = (np.arange(last + 1) - last / 2) * speed + last / 2 + shift * last
    at = np.abs(at)
    at = last - np.abs(last - at)
    below = np.minimum(at.astype(int), last - 1)
    share = (at - below).astype(np.float32)[None, :, None]
    return windows[:, below] * (1 - share) + windows[:, below + 1] * share


def amplified(windows: WindowSamples, gain: float) -> WindowSamples:
    """Make the motion ``gain`` times as strong; the mean, and with it gravity, stays."""
    mean = windows.mean(1, keepdims=True)
    return mean + np.float32(gain) * (windows - mean)


SHIFTS: tuple[View, ...] = tuple(functools.partial(resampled, shift=shift) for shift in (-0.1, 0.1))
STRETCHES: tuple[View, ...] = tuple(
    functools.partial(resampled, speed=speed) for speed in (0.85, 1.15)
)
GAINS: tuple[View, ...] = tuple(functools.partial(amplified, gain=gain) for gain in (0.8, 1.25))


# ---- heads: from standardised features and their classes to a predictor


def prototypes(z: Float64Array, classes: Classes, prior_windows: float) -> Predictor:
    """Return the nearest class mean.

    Each mean is shrunk to the mean of all windows, as if ``prior_windows`` more windows lay there.
    """
    centre = z.mean(0)
    sums = [(z[classes == c] - centre).sum(0) for c in range(classes.max() + 1)]
    counts = [(classes == c).sum() for c in range(classes.max() + 1)]
    means = np.stack([s / (n + prior_windows) for s, n in zip(sums, counts, strict=True)])
    return lambda new: ((new - centre) @ means.T - 0.5 * (means**2).sum(1)).argmax(1)


def ridge(z: Float64Array, classes: Classes, strength: float) -> Predictor:
    """Return least squares on one-against-all targets.

    The penalty is ``strength`` times the mean squared length of a window.
    """
    alpha = strength * float(np.mean(((z - z.mean(0)) ** 2).sum(1)))
    return RidgeClassifier(alpha=alpha).fit(z, classes).predict


def logistic(z: Float64Array, classes: Classes, c: float) -> Predictor:
    """Return multinomial logistic regression in the span of the windows, where its optimum lies."""
    centre = z.mean(0)
    _, s, basis = np.linalg.svd(z - centre, full_matrices=False)
    axes = basis[s > NULL_SINGULAR_VALUE * s[0]].T
    model = LogisticRegression(C=c, max_iter=1000).fit((z - centre) @ axes, classes)
    return lambda new: model.predict((new - centre) @ axes)


def discriminant(z: Float64Array, classes: Classes) -> Predictor:
    """Return the default head's linear discriminant, for features that are standardised already."""
    centre = z.mean(0)
    u, s, basis = np.linalg.svd(z - centre, full_matrices=False)
    kept = s > NULL_SINGULAR_VALUE * s[0]
    t = u[:, kept] * s[kept]
    axes = basis[kept].T
    means = np.stack([t[classes == c].mean(0) for c in range(classes.max() + 1)])
    covariance = np.mean(t**2) * np.eye(t.shape[1])
    if len(t) > len(means):
        within = t - means[classes]
        covariance = LDA_SHRINKAGE * covariance + (1 - LDA_SHRINKAGE) * within.T @ within / (
            len(t) - len(means)
        )
    weights = np.linalg.solve(covariance, means.T)
    bias = 0.5 * np.einsum("kr,rk->k", means, weights)
    return lambda new: ((new - centre) @ axes @ weights - bias).argmax(1)


# ---- rules on the frozen backbone


@dataclass(frozen=True)
class FrozenRule:
    """How to learn from the features of the frozen backbone.

    Attributes:
        head: None is the default one, :func:`edge_runtime.contract.head.fit_head`.
        views: views of each labelled window to learn from, in addition to it.
        copies: give the default head nuisance copies of each labelled window, as
            ``MotionClassifier`` does.
        unlabelled: standardise on 128 unlabelled windows of the training people instead of the
            labelled ones.
        test_views: views of each test window; probabilities are averaged over the window and
            these. For the default head only.
    """

    head: Callable[[Float64Array, Classes], Predictor] | None = None
    views: tuple[View, ...] = ()
    copies: bool = False
    unlabelled: bool = False
    test_views: tuple[View, ...] = ()


HEADS = {
    DEFAULT: FrozenRule(),
    "lda, copies": FrozenRule(copies=True),  # the default of MotionClassifier
    **{
        f"prototypes {prior:g}": FrozenRule(functools.partial(prototypes, prior_windows=prior))
        for prior in (0, 1, 4)
    },
    **{
        f"ridge {strength:g}": FrozenRule(functools.partial(ridge, strength=strength))
        for strength in (0.1, 1, 10)
    },
    **{f"logistic {c:g}": FrozenRule(functools.partial(logistic, c=c)) for c in (1, 10, 100)},
    "lda, unlabelled": FrozenRule(discriminant, unlabelled=True),
}
VIEWED = {
    "lda + shift": FrozenRule(views=SHIFTS),
    "lda + stretch": FrozenRule(views=STRETCHES),
    "lda + gain": FrozenRule(views=GAINS),
    "lda + all views": FrozenRule(views=SHIFTS + STRETCHES + GAINS),
    "lda, unlabelled + stretch": FrozenRule(discriminant, STRETCHES, unlabelled=True),
    "lda, test shifts": FrozenRule(test_views=SHIFTS),
}


def frozen_methods() -> Mapping[str, Factory]:
    """Return the heads and views by name; they take seconds for a task."""
    return {name: functools.partial(FrozenMethod, rule) for name, rule in (HEADS | VIEWED).items()}


class FrozenMethod:
    """A :class:`FrozenRule` as a method of the few-shot benchmark."""

    def __init__(
        self, rule: FrozenRule, rate_hz: float, channels: tuple[str, ...], seed: int
    ) -> None:
        self._rule = rule
        self._rate_hz = rate_hz
        self._channels = channels
        self._seed = seed

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Learn from the windows and their views."""
        self._names, classes = np.unique(labels, return_inverse=True)
        viewed = [windows, *(view(windows) for view in self._rule.views)]
        x, sizes = self._features(np.concatenate(viewed))
        classes = np.tile(classes, len(viewed))
        copy_features = None
        if self._rule.copies:
            copies = nuisance_copies(windows, self._channels)
            copy_features, _ = self._features(np.concatenate([*copies]))
            copy_features = copy_features.reshape(*copies.shape[:2], -1)
        self._default = fit_head(x, classes, sizes, copy_features)
        self._scaler = self._default
        self._block_weights = np.repeat(1 / np.sqrt(sizes), sizes)
        if self._rule.unlabelled:
            assert unlabelled is not None
            reference, _ = self._features(reference_windows(unlabelled, self._seed))
            # Only the standardisation of this head is used, so any two classes will do.
            self._scaler = fit_head(reference, np.arange(len(reference)) % 2, sizes)
        if self._rule.head is not None:
            self._predictor = self._rule.head(self._standardised(x), classes)
        return self

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the most probable class of each window."""
        if self._rule.head is not None:
            features, _ = self._features(windows)
            return np.asarray(self._names[self._predictor(self._standardised(features))])
        viewed = [windows, *(view(windows) for view in self._rule.test_views)]
        probabilities = [self._default.probabilities(self._features(view)[0]) for view in viewed]
        return np.asarray(self._names[np.mean(probabilities, 0).argmax(1)])

    def _standardised(self, x: Float32Array) -> Float64Array:
        return np.asarray(self._scaler.standardise(x) * self._block_weights)

    def _features(self, windows: WindowSamples) -> tuple[Float32Array, list[int]]:
        """Return features (n, d) and the sizes of their blocks; each window is computed once."""
        cache = _cache(self._rate_hz, self._channels, windows.shape[1])
        rows = cache.look_up(windows, self._compute_blocks)
        columns = [np.stack(column) for column in zip(*rows, strict=True)]
        return np.concatenate(columns, 1), block_sizes(columns, len(self._channels))

    def _compute_blocks(self, windows: WindowSamples) -> Iterator[tuple[Float32Array, ...]]:
        front_end = front_end_of(self._rate_hz, self._channels, windows.shape[1])
        return zip(*embed(pretrained_backbone(), front_end.compute_batch(windows)), strict=True)


# The grid goes through tasks in order, so that one cache at a time is enough.
@functools.lru_cache(maxsize=1)
def _cache(
    rate_hz: float, channels: tuple[str, ...], window_samples: int
) -> WindowCache[tuple[Float32Array, ...]]:
    return WindowCache()


def front_end_of(rate_hz: float, channels: tuple[str, ...], samples: int) -> FrontEnd:
    """Return the front end that ``MotionClassifier`` would design."""
    return FrontEnd(design_front_end(rate_hz, samples, channels), samples, len(channels), rate_hz)


def reference_windows(unlabelled: WindowSamples, seed: int) -> WindowSamples:
    """Return at most 128 of the unlabelled windows, drawn at random."""
    return unlabelled[np.random.default_rng(seed).permutation(len(unlabelled))[:REFERENCE_WINDOWS]]


# ---- rules that change the backbone


@dataclass(frozen=True)
class Tuning:
    """How to fine-tune: head first, then both (LP-FT, Kumar et al. 2022).

    The backbone's rate is a tenth of the head's.

    Attributes:
        steps: steps of Adam after the closed-form head; 0 changes no weights.
        estimate_norm: estimate batch-norm statistics on 128 unlabelled windows instead of using
            ImageNet's. They are fixed either way.
        average: average the weights over the second half of the steps (Izmailov et al. 2018).
        mixup: parameter of the Beta distribution of two windows' shares (Zhang et al. 2018); 0
            mixes none.
    """

    steps: int = 30
    estimate_norm: bool = False
    average: bool = False
    mixup: float = 0.0


TUNED = {
    "norm": Tuning(steps=0, estimate_norm=True),
    "lp-ft": Tuning(),
    "lp-ft, norm": Tuning(estimate_norm=True),
    "lp-ft, average": Tuning(average=True),
    "lp-ft, mixup": Tuning(mixup=0.4),
}


def tuned_methods() -> Mapping[str, Factory]:
    """Return the fine-tuned methods by name; they take seconds for every cell."""
    return {name: functools.partial(TunedMethod, rule) for name, rule in TUNED.items()}


class TunedMethod:
    """A :class:`Tuning` as a method of the few-shot benchmark."""

    def __init__(self, rule: Tuning, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._rule = rule
        self._rate_hz = rate_hz
        self._channels = channels
        self._seed = seed

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fit the head in closed form, then train head and backbone together."""
        self._names, classes = np.unique(labels, return_inverse=True)
        self._front_end = front_end_of(self._rate_hz, self._channels, windows.shape[1])
        backbone = EarlyBlocks()
        if self._rule.estimate_norm:
            assert unlabelled is not None
            reference = reference_windows(unlabelled, self._seed)
            estimate_batch_norm(backbone, self._front_end.compute_batch(reference))
        features = self._front_end.compute_batch(windows)
        blocks = embed(backbone, features)
        sizes = block_sizes(blocks, len(self._channels))
        head = fit_head(np.concatenate(blocks, 1), classes, sizes)
        with seeded(self._seed):
            self._network = tune(
                BackboneWithHead(backbone, head, sizes),
                torch.from_numpy(features.images),
                torch.from_numpy(features.statistics),
                torch.from_numpy(classes),
                self._rule,
            )
        return self

    @torch.inference_mode()
    def predict(self, windows: WindowSamples) -> Labels:
        """Return the most probable class of each window."""
        classes = []
        for begin in range(0, len(windows), PREDICT_WINDOWS):
            features = self._front_end.compute_batch(windows[begin : begin + PREDICT_WINDOWS])
            logits = self._network(
                torch.from_numpy(features.images), torch.from_numpy(features.statistics)
            )
            classes.append(logits.argmax(1).numpy())
        return np.asarray(self._names[np.concatenate(classes)])


class BackboneWithHead(nn.Module):
    """Backbone and head, to be trained together; the head starts as a closed-form head.

    Args:
        backbone: early blocks.
        head: fitted on the features of this backbone.
        sizes: sizes of the blocks of features.
    """

    def __init__(self, backbone: EarlyBlocks, head: LinearHead, sizes: Sequence[int]) -> None:
        super().__init__()
        self.backbone = backbone
        scale = np.repeat(1 / np.sqrt(sizes), sizes)  # blocks of equal weight learn at equal pace
        self.register_buffer("mean", torch.tensor(head.mean, dtype=torch.float32))
        self.register_buffer("inverse_std", torch.tensor(head.inverse_std, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.weights = nn.Parameter(torch.tensor(head.weights / scale, dtype=torch.float32))
        self.bias = nn.Parameter(torch.tensor(head.bias, dtype=torch.float32))

    def forward(self, images: torch.Tensor, statistics: torch.Tensor) -> torch.Tensor:
        """Images (B, n_images, H, W, 3) and statistics (B, n_statistics) to logits (B, classes)."""
        parts = self.backbone(images.flatten(0, 1))
        features = torch.cat([*(part.reshape(len(images), -1) for part in parts), statistics], 1)
        z = ((features - self.mean) * self.inverse_std).clamp(-CLIP, CLIP) * self.scale
        return z @ self.weights.T + self.bias


def tune(
    network: BackboneWithHead,
    images: torch.Tensor,
    statistics: torch.Tensor,
    classes: torch.Tensor,
    rule: Tuning,
) -> nn.Module:
    """Train the network and return it, or its average. Batch norm stays in eval mode."""
    optimiser = torch.optim.Adam(
        [
            {"params": [network.weights, network.bias], "lr": HEAD_RATE},
            {"params": network.backbone.parameters(), "lr": BACKBONE_RATE},
        ]
    )
    average = torch.optim.swa_utils.AveragedModel(network)
    targets = nn.functional.one_hot(classes).float()
    network.eval()
    for step in range(rule.steps):
        drawn = torch.randperm(len(images))[:BATCH_WINDOWS]
        shift = int(torch.randint(-ROLL_COLUMNS, ROLL_COLUMNS + 1, ()))
        batch = (images[drawn].roll(shift, 3), statistics[drawn], targets[drawn])
        if rule.mixup:
            share = float(torch.distributions.Beta(rule.mixup, rule.mixup).sample())
            batch = tuple(share * part + (1 - share) * part.flip(0) for part in batch)
        batch_images, batch_statistics, batch_targets = batch
        logits = network(batch_images, batch_statistics)
        loss = nn.functional.cross_entropy(logits, batch_targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if 2 * step >= rule.steps:
            average.update_parameters(network)
    return average if rule.average else network


# ---- report


@dataclass(frozen=True)
class RuleDifference:
    """A rule minus the default on one task at one k, on the draws that both were run on.

    Attributes:
        task: name of the task.
        rule: name of the rule.
        k: labelled windows per class.
        draws: number of draws.
        macro_f1: macro-F1 of the rule, mean over the draws.
        gain: difference of the mean macro-F1.
        subjects: paired difference of a subject's score, with its confidence interval over people.
    """

    task: str
    rule: str
    k: int
    draws: int
    macro_f1: float
    gain: float
    subjects: Interval

    @property
    def sign(self) -> int:
        """1 or -1 if the interval excludes zero, else 0."""
        low = self.subjects.low
        high = self.subjects.high
        return 0 if low is None or high is None else int(low > 0) - int(high < 0)


def compute_differences(
    results: Sequence[Result], tasks: Sequence[TaskData], ks: Sequence[int]
) -> list[RuleDifference]:
    """Compare every rule with the default."""
    by_cell = {(r.cell.task, r.cell.method, r.cell.k, r.cell.draw): r.scores for r in results}
    rules = dict.fromkeys(r.cell.method for r in results)
    differences = []
    for task in (data.task.name for data in tasks):
        for rule in rules:
            for k in ks:
                pairs = [
                    (scores, by_cell[task, DEFAULT, k, draw])
                    for (*key, draw), scores in by_cell.items()
                    if key == [task, rule, k] and (task, DEFAULT, k, draw) in by_cell
                ]
                if not pairs:
                    continue
                by_person = [
                    {
                        person: value - default.score_of_subject[person]
                        for person, value in scores.score_of_subject.items()
                    }
                    for scores, default in pairs
                ]
                macro_f1 = float(np.mean([scores.macro_f1 for scores, _ in pairs]))
                default_f1 = float(np.mean([default.macro_f1 for _, default in pairs]))
                differences.append(
                    RuleDifference(
                        task=task,
                        rule=rule,
                        k=k,
                        draws=len(pairs),
                        macro_f1=macro_f1,
                        gain=macro_f1 - default_f1,
                        subjects=interval_over_subjects(by_person),
                    )
                )
    return differences


def write_report(
    out: Path,
    chosen_on: Sequence[RuleDifference],
    reported: Sequence[RuleDifference],
    results: Sequence[Result],
) -> None:
    """Print the tables and write ``finetuning.md`` and ``finetuning.json``."""
    ks = sorted({d.k for d in reported})
    fit_s = {
        rule: float(np.median([r.fit_s for r in results if r.cell.method == rule]))
        for rule in dict.fromkeys(r.cell.method for r in results)
    }
    best = {k: max((*HEADS, *VIEWED), key=lambda rule: mean_gain(chosen_on, rule, k)) for k in ks}
    best_gains = (f"k = {k}: {best[k]} {100 * mean_gain(chosen_on, best[k], k):+.1f}" for k in ks)
    rules_table = markdown_table(
        ["rule", *(f"k = {k}" for k in ks), "draws"],
        [
            [
                rule,
                *(over_tasks(reported, rule, k) for k in ks),
                max(d.draws for d in reported if d.rule == rule),
            ]
            for rule in fit_s
        ],
    )
    tasks_table = markdown_table(
        ["task", *(f"k = {k}: {best[k]}" for k in ks)],
        [
            [task, *(on_task(reported, task, best[k], k) for k in ks)]
            for task in dict.fromkeys(d.task for d in reported)
        ],
    )
    parts = [
        f"Mean macro-F1 over tasks of the default head ({DEFAULT}) in points, and every rule's "
        f"difference to it on the same draws (seed {REPORT_SEED}). In brackets: on how many tasks "
        "the rule is better and worse than the default beyond the 95 % interval of the paired "
        "difference over people.",
        rules_table,
        f"Best rule by k on the draws of seed {CHOOSE_SEED} ({', '.join(best_gains)}), and its "
        f"difference to the default on those of seed {REPORT_SEED}, with the paired interval over "
        "people:",
        tasks_table,
    ]
    text = "\n\n".join(parts) + "\n"
    content = {
        "best_by_k": best,
        "fit_s": fit_s,
        "choose": [asdict(d) for d in chosen_on],
        "report": [asdict(d) for d in reported],
    }
    (out / "finetuning.md").write_text(text, encoding="utf-8")
    (out / "finetuning.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    print(f"\n{text}\nwrote {out / 'finetuning.md'} and {out / 'finetuning.json'}")


def mean_gain(differences: Sequence[RuleDifference], rule: str, k: int) -> float:
    """Return the mean gain over tasks."""
    return float(np.mean([d.gain for d in differences if (d.rule, d.k) == (rule, k)] or [np.nan]))


def over_tasks(differences: Sequence[RuleDifference], rule: str, k: int) -> str:
    """Return the cell of a rule at one k, over all tasks."""
    of_rule = [d for d in differences if (d.rule, d.k) == (rule, k)]
    if rule == DEFAULT:
        return f"{100 * float(np.mean([d.macro_f1 for d in of_rule])):.1f}"
    if not of_rule:
        return "–"
    signs = [d.sign for d in of_rule]
    gain = 100 * mean_gain(differences, rule, k)
    return f"{gain:+.1f} ({signs.count(1)}, {signs.count(-1)})"


def on_task(differences: Sequence[RuleDifference], task: str, rule: str, k: int) -> str:
    """Return the cell of a rule on one task at one k."""
    for d in differences:
        if (d.task, d.rule, d.k) == (task, rule, k):
            return signed_points(d.gain, d.subjects)
    return "–"


if __name__ == "__main__":
    main()
