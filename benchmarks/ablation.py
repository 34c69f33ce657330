"""What each part of the method brings, and what other streams cost: ``make ablation DATA=...``.

The few-shot benchmark is run again with one thing changed at a time. The result is printed as
Markdown and written to ``OUT/ablation.md`` and ``OUT/ablation.json``. A stopped run continues where
it was. The draws are those of seed 0, as in the benchmark that the README reports.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from grid_benchmark import add_jobs, add_k, load, make_parser, print_failures
from scipy.signal import resample_poly

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import FrontEndSpec
from edge_runtime.frontend.design import POSTURE
from img2imu.baselines import Factory
from img2imu.baselines.interface import WindowSamples
from img2imu.baselines.variants import CachingClassifier, Img2Imu, SpectraNoNetwork
from img2imu.fewshot.manifest import make_manifest
from img2imu.fewshot.report import heading_of_k
from img2imu.fewshot.runner import Result, run_grid
from img2imu.fewshot.tasks import TaskData, pick_tasks
from img2imu.markdown import markdown_table

SEED = 0
DEFAULT = "the default"
EVEN_KNEE_HZ = 1e4  # far above half of any rate, so that the frequency scale is even throughout
MIDDLE_FRAME = 1  # index of the frame length that is kept
MIN_RATE_HZ = 10
MIN_SLOW_SAMPLES = 16  # in a window at a lower rate
MIN_SHORT_SAMPLES = 32  # in a shorter window

MacroF1 = Mapping[tuple[str, str, int], float]  # row of the table, task, k


# ---- the default without one of its parts


class _NoSpectra(CachingClassifier):
    def _compute_blocks(self, x: WindowSamples) -> list[Float32Array]:
        texture, _, statistics = super()._compute_blocks(x)
        return [texture, statistics]


class _PostureOnly(CachingClassifier):
    def _design(self, window_samples: int, channels: tuple[str, ...]) -> FrontEndSpec:
        return replace(super()._design(window_samples, channels), statistics=POSTURE)


class _NoCopies(CachingClassifier):
    def _copies(self, x: WindowSamples, channels: tuple[str, ...]) -> Float32Array:
        return np.empty((0, *x.shape), np.float32)


class _EvenFrequencies(CachingClassifier):
    def _design(self, window_samples: int, channels: tuple[str, ...]) -> FrontEndSpec:
        return replace(super()._design(window_samples, channels), frequency_knee_hz=EVEN_KNEE_HZ)


class _OneFrameLength(CachingClassifier):
    def _design(self, window_samples: int, channels: tuple[str, ...]) -> FrontEndSpec:
        spec = super()._design(window_samples, channels)
        middle = min(MIDDLE_FRAME, len(spec.spectrograms) - 1)
        return replace(spec, spectrograms=spec.spectrograms[middle : middle + 1])


def _method(classifier: type[CachingClassifier]) -> type[Img2Imu]:
    return type(classifier.__name__, (Img2Imu,), {"kind": classifier})


METHODS: Mapping[str, Factory] = {
    DEFAULT: Img2Imu,
    "without texture (no network)": SpectraNoNetwork,
    "without spectra": _method(_NoSpectra),
    "without statistics of shape": _method(_PostureOnly),
    "without copies": _method(_NoCopies),
    "even frequency scale": _method(_EvenFrequencies),
    "one frame length": _method(_OneFrameLength),
}


# ---- the default on another stream; None where the data do not allow it


def _keep_channels(data: TaskData, keep: Callable[[str], bool]) -> TaskData | None:
    kept = [i for i, name in enumerate(data.windows.channels) if keep(name)]
    if not kept or len(kept) == len(data.windows.channels):
        return None
    windows = replace(
        data.windows,
        samples=np.ascontiguousarray(data.windows.samples[:, :, kept]),
        channels=tuple(data.windows.channels[i] for i in kept),
    )
    return replace(data, windows=windows)


def _divide_rate(data: TaskData, divisor: int) -> TaskData | None:
    windows = data.windows
    rate_hz = windows.rate_hz / divisor
    if rate_hz < MIN_RATE_HZ or windows.samples.shape[1] // divisor < MIN_SLOW_SAMPLES:
        return None
    samples = resample_poly(windows.samples, 1, divisor, axis=1, padtype="line")
    return replace(
        data, windows=replace(windows, samples=samples.astype(np.float32), rate_hz=rate_hz)
    )


def _crop_to_middle(data: TaskData, share: float) -> TaskData | None:
    n = data.windows.samples.shape[1]
    keep = round(n * share)
    if keep < MIN_SHORT_SAMPLES:
        return None
    begin = (n - keep) // 2
    samples = np.ascontiguousarray(data.windows.samples[:, begin : begin + keep])
    return replace(data, windows=replace(data.windows, samples=samples))


STREAMS: Mapping[str, Callable[[TaskData], TaskData | None]] = {
    "accelerometer alone": lambda data: _keep_channels(data, lambda name: name.startswith("acc_")),
    "gyroscope alone": lambda data: _keep_channels(data, lambda name: name.startswith("gyro_")),
    "one axis (acc_x)": lambda data: _keep_channels(data, lambda name: name == "acc_x"),
    "half the rate": lambda data: _divide_rate(data, 2),
    "half the window": lambda data: _crop_to_middle(data, 0.5),
    "a fifth of the window": lambda data: _crop_to_middle(data, 0.2),
}


def main() -> None:
    """Run the cells that are missing and write the report."""
    parser = make_parser(__doc__.splitlines()[0], out="out/ablation")
    add_k(parser, "1,5")
    add_jobs(parser)
    arguments = parser.parse_args()
    out: Path = arguments.out
    tasks = load(pick_tasks(arguments.tasks), arguments.data_dir)
    manifests = [make_manifest(data, arguments.k, arguments.draws, SEED) for data in tasks]
    out.mkdir(parents=True, exist_ok=True)

    def run(
        name: str, changed: Sequence[TaskData | None], methods: Mapping[str, Factory]
    ) -> list[Result]:
        """Run methods on changed tasks, with the manifests of the unchanged ones."""
        print(name, flush=True)
        pairs = [pair for pair in zip(changed, manifests, strict=True) if pair[0] is not None]
        results, failures = run_grid(
            [data for data, _ in pairs],
            [manifest for _, manifest in pairs],
            methods,
            out / f"{name.replace(' ', '_')}.jsonl",
            arguments.jobs,
        )
        print_failures(failures)
        return results

    scores: dict[tuple[str, str, int], list[float]] = {}

    def collect(row: str, result: Result) -> None:
        key = (row, result.cell.task, result.cell.k)
        scores.setdefault(key, []).append(result.scores.macro_f1)

    for result in run("parts", tasks, METHODS):
        collect(result.cell.method, result)
    for name, change in STREAMS.items():
        for result in run(name, [change(data) for data in tasks], {DEFAULT: Img2Imu}):
            collect(name, result)
    macro_f1 = {key: float(np.mean(values)) for key, values in scores.items()}
    _write_report(out, macro_f1, [data.task.name for data in tasks], arguments.k)


def _write_report(out: Path, macro_f1: MacroF1, tasks: Sequence[str], ks: Sequence[int]) -> None:
    """Print and write the tables, and write all values as JSON."""
    parts = [
        "Macro-F1 of the default in points. Every other row is the difference to it, and its mean "
        "is over the tasks that the row has."
    ]
    parts += [f"### {heading_of_k(k)}\n\n{_table(macro_f1, tasks, k)}" for k in ks]
    text = "\n\n".join(parts) + "\n"
    print(text)
    (out / "ablation.md").write_text(text, encoding="utf-8")
    entries = [
        {"row": row, "task": task, "k": k, "macro_f1": value}
        for (row, task, k), value in macro_f1.items()
    ]
    (out / "ablation.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def _table(macro_f1: MacroF1, tasks: Sequence[str], k: int) -> str:
    rows = []
    for name in (*METHODS, *STREAMS):
        points = {}
        for task in tasks:
            if (name, task, k) in macro_f1:
                base = 0.0 if name == DEFAULT else macro_f1[DEFAULT, task, k]
                points[task] = 100 * (macro_f1[name, task, k] - base)
        if not points:
            continue
        form = ".1f" if name == DEFAULT else "+.1f"
        cells = [format(points[task], form) if task in points else "–" for task in tasks]
        mean = float(np.mean(list(points.values())))
        rows.append([name, *cells, format(mean, form)])
    return markdown_table(["", *tasks, "mean"], rows)


if __name__ == "__main__":
    main()
