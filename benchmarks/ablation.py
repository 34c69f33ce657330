"""What each part of the method brings, and what other streams cost: the few-shot benchmark with one thing changed.

Run it as ``make ablation DATA=...``; it prints Markdown and writes ``OUT/ablation.md`` and
``OUT/ablation.json``. A run that was stopped goes on where it was. The draws are those of seed 0,
as in the benchmark that the README reports.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from edge_runtime.frontend.design import POSTURE
from img2imu.baselines.interface import Windows as Samples
from img2imu.baselines.spectra_no_network import SpectraNoNetwork
from img2imu.baselines.variant import Block, RememberingClassifier, Variant
from img2imu.fewshot.manifest import make_manifest
from img2imu.fewshot.methods import Factory
from img2imu.fewshot.runner import Result, run_grid
from img2imu.fewshot.tasks import TaskData, load_tasks, pick_tasks

EVEN_KNEE_HZ = 1e4  # far above half of any rate: the frequency scale is even throughout
ONE_FRAME = 1  # the middle one of the frame lengths


class _NoSpectra(RememberingClassifier):
    def _see(self, x: Samples) -> list[Block]:
        texture, _, statistics = super()._see(x)
        return [texture, statistics]


class _PostureOnly(RememberingClassifier):
    def _design(self, window_samples, channels):
        return replace(super()._design(window_samples, channels), statistics=POSTURE)


class _NoCopies(RememberingClassifier):
    def _copies(self, x, channels):
        return np.empty((0, *x.shape), np.float32)


class _EvenFrequencies(RememberingClassifier):
    def _design(self, window_samples, channels):
        return replace(super()._design(window_samples, channels), frequency_knee_hz=EVEN_KNEE_HZ)


class _OneFrameLength(RememberingClassifier):
    def _design(self, window_samples, channels):
        spec = super()._design(window_samples, channels)
        return replace(
            spec, spectrograms=spec.spectrograms[min(ONE_FRAME, len(spec.spectrograms) - 1) :][:1]
        )


def _variant(classifier: type[RememberingClassifier]) -> type[Variant]:
    return type(classifier.__name__, (Variant,), {"kind": classifier})


METHODS: Mapping[str, Factory] = {
    "the default": Variant,
    "without texture (no network)": SpectraNoNetwork,
    "without spectra": _variant(_NoSpectra),
    "without statistics of shape": _variant(_PostureOnly),
    "without copies": _variant(_NoCopies),
    "even frequency scale": _variant(_EvenFrequencies),
    "one frame length": _variant(_OneFrameLength),
}


def _columns(data: TaskData, wanted: Callable[[str], bool]) -> TaskData | None:
    kept = [i for i, name in enumerate(data.windows.channels) if wanted(name)]
    if not kept or len(kept) == len(data.windows.channels):
        return None
    windows = replace(
        data.windows,
        samples=np.ascontiguousarray(data.windows.samples[:, :, kept]),
        channels=tuple(data.windows.channels[i] for i in kept),
    )
    return replace(data, windows=windows)


def _slower(data: TaskData, divisor: int) -> TaskData | None:
    rate_hz = data.windows.rate_hz / divisor
    if rate_hz < 10 or data.windows.samples.shape[1] // divisor < 16:
        return None
    samples = resample_poly(data.windows.samples, 1, divisor, axis=1, padtype="line").astype(
        np.float32
    )
    return replace(data, windows=replace(data.windows, samples=samples, rate_hz=rate_hz))


def _middle(data: TaskData, share: float) -> TaskData | None:
    n = data.windows.samples.shape[1]
    keep = round(n * share)
    if keep < 32:
        return None
    begin = (n - keep) // 2
    samples = np.ascontiguousarray(data.windows.samples[:, begin : begin + keep])
    return replace(data, windows=replace(data.windows, samples=samples))


STREAMS: Mapping[str, Callable[[TaskData], TaskData | None]] = {
    "accelerometer alone": lambda data: _columns(data, lambda name: name.startswith("acc_")),
    "gyroscope alone": lambda data: _columns(data, lambda name: name.startswith("gyro_")),
    "one axis (acc_x)": lambda data: _columns(data, lambda name: name == "acc_x"),
    "half the rate": lambda data: _slower(data, 2),
    "half the window": lambda data: _middle(data, 0.5),
    "a fifth of the window": lambda data: _middle(data, 0.2),
}


def main() -> None:
    """Run what is missing and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data-dir", type=Path, default=Path("data"), help="as of img2imu fewshot (default: data)"
    )
    parser.add_argument("--tasks", metavar="A,B", help="default: all")
    parser.add_argument("--k", metavar="K,K", default="1,5", help="default: 1,5")
    parser.add_argument("--draws", type=int, default=10, help="default: 10")
    parser.add_argument("--jobs", type=int, default=1, help="cells at a time (default: 1)")
    parser.add_argument("--out", type=Path, default=Path("out/ablation"))
    arguments = parser.parse_args()
    ks = [int(k) for k in arguments.k.split(",")]
    tasks, missing = load_tasks(
        pick_tasks(arguments.tasks and arguments.tasks.split(",")), arguments.data_dir
    )
    print(*missing, sep="\n")
    manifests = [make_manifest(data, ks, arguments.draws, 0) for data in tasks]
    arguments.out.mkdir(parents=True, exist_ok=True)

    def run(
        name: str, made: Sequence[TaskData | None], methods: Mapping[str, Factory]
    ) -> list[Result]:
        pairs = [
            (data, manifest)
            for data, manifest in zip(made, manifests, strict=True)
            if data is not None
        ]
        print(name, flush=True)
        results, failures = run_grid(
            [data for data, _ in pairs],
            [manifest for _, manifest in pairs],
            methods,
            arguments.out / f"{name.replace(' ', '_')}.jsonl",
            arguments.jobs,
        )
        print(*(f"{failure.cell}: {failure.why}" for failure in failures), sep="\n")
        return results

    scores = {}
    for result in run("parts", tasks, METHODS):
        scores.setdefault((result.cell.method, result.cell.task, result.cell.k), []).append(
            result.scores.macro_f1
        )
    for name, change in STREAMS.items():
        for result in run(name, [change(data) for data in tasks], {"the default": Variant}):
            scores.setdefault((name, result.cell.task, result.cell.k), []).append(
                result.scores.macro_f1
            )
    _report(
        arguments.out,
        {key: float(np.mean(values)) for key, values in scores.items()},
        [data.task.name for data in tasks],
        ks,
    )


def _report(
    out: Path, scores: Mapping[tuple[str, str, int], float], tasks: Sequence[str], ks: Sequence[int]
) -> None:
    """The default in points, everything else as its difference to it, over the tasks that it can be tried on."""
    lines = [
        "Macro-F1 of the default in points; every other row is the difference to it, and its mean is over the "
        "tasks that the row has."
    ]
    for k in ks:
        lines += [
            "",
            f"### {k} labelled window{'s' * (k > 1)} per class",
            "",
            "| | " + " | ".join(tasks) + " | mean |",
            "|" + " --- |" * (len(tasks) + 2),
        ]
        for name in (*METHODS, *STREAMS):
            base = {
                task: 0.0 if name == "the default" else scores["the default", task, k]
                for task in tasks
                if (name, task, k) in scores
            }
            values = {task: 100 * (scores[name, task, k] - base[task]) for task in base}
            shown = {
                task: f"{v:.1f}" if name == "the default" else f"{v:+.1f}"
                for task, v in values.items()
            }
            if not values:
                continue
            mean = float(np.mean(list(values.values())))
            lines.append(
                f"| {name} | "
                + " | ".join(shown.get(task, "–") for task in tasks)
                + (f" | {mean:.1f} |" if name == "the default" else f" | {mean:+.1f} |")
            )
    text = "\n".join(lines) + "\n"
    print(text)
    (out / "ablation.md").write_text(text, encoding="utf-8")
    rows = [
        {"row": row, "task": task, "k": k, "macro_f1": value}
        for (row, task, k), value in scores.items()
    ]
    (out / "ablation.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
