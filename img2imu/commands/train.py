"""``img2imu train``: learn from labelled recordings."""

from __future__ import annotations

import argparse
import math
import shlex
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

from img2imu.commands.arguments import at_least, names

if TYPE_CHECKING:
    from img2imu import MotionClassifier
    from img2imu.data_set import DataSet
    from img2imu.splits import Indices
    from img2imu.windows import Windows

ENDING = ".npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a name that img2imu data list shows, NAME:PATH, an .npz data set, a .csv with a "
        "column of labels, or a folder of recordings: DIR/LABEL/*.{csv,npz,zip} or "
        "DIR/SUBJECT/LABEL/*.{csv,npz,zip}",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="MODEL.npz",
        type=Path,
        required=True,
        help="the trained model to write",
    )
    parser.add_argument(
        "--window-s",
        metavar="S",
        type=float,
        default=5.0,
        help="length of a window in seconds (default: %(default)g)",
    )
    parser.add_argument(
        "--windows-per-class",
        metavar="K",
        type=at_least(1),
        help="learn from K windows of each class, spread over the people (default: all)",
    )
    parser.add_argument(
        "--rate-hz",
        metavar="R",
        type=float,
        help="samples per second to resample your own recordings to (default: their own rate)",
    )
    held_out = parser.add_mutually_exclusive_group()
    held_out.add_argument(
        "--test-subjects",
        metavar="N",
        type=at_least(0),
        default=0,
        help="hold out N people and print how well they are recognised (default: train on all)",
    )
    held_out.add_argument("--test-on", metavar="A,B", type=names, help="hold out these people")
    parser.add_argument(
        "--train-on",
        metavar="A,B",
        type=names,
        help="learn from these people only (default: from all who are not held out)",
    )
    parser.add_argument(
        "--name", help="human-readable name of the model (default: the name of the data)"
    )
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="of every draw (default: %(default)d)"
    )


def main(arguments: argparse.Namespace) -> int:
    """Train, and write the model if everything went well."""
    from img2imu import MotionClassifier
    from img2imu.datasets import load_data_set
    from img2imu.splits import manifest_sha256, pick_support
    from img2imu.windows import cut_windows

    output: Path = arguments.output
    _check_output(output, arguments.data)
    data_set = load_data_set(arguments.data, arguments.rate_hz)
    windows = cut_windows(data_set, arguments.window_s)
    train, test = _split(windows, arguments)
    if arguments.windows_per_class is not None:
        train = pick_support(windows, train, arguments.windows_per_class, arguments.seed)
    support = windows.select(train)
    _print_data(data_set, support)

    start_s = time.perf_counter()
    classifier = MotionClassifier(data_set.rate_hz, data_set.channels, seed=arguments.seed)
    classifier.fit(support.samples, support.class_names, show_progress=True)
    print(f"trained in {time.perf_counter() - start_s:.1f} s")
    if len(test):
        _print_test(classifier, windows.select(test))
    classifier.save(
        output,
        name=arguments.name or data_set.name,
        data_set=f"{data_set.name} ({data_set.licence})" if data_set.licence else data_set.name,
        split_sha256=manifest_sha256(windows, train),
    )
    _print_next(output)
    return 0


def _check_output(output: Path, data: str) -> None:
    """Refuse an output that cannot be written before minutes of work."""
    from edge_runtime.errors import OutputError
    from edge_runtime.files import check_writable

    check_writable(output)
    if output.suffix != ENDING:
        raise OutputError(
            f"{output} ends in {output.suffix!r}, expected {ENDING} for a trained model: write "
            f"-o {output.with_suffix(ENDING)} (img2imu export makes the .tflite of it)"
        )
    if output.resolve() == Path(data).resolve():
        raise OutputError(f"{output} is the data to learn from: give -o another name")


def _split(windows: Windows, arguments: argparse.Namespace) -> tuple[Indices, Indices]:
    """Return the windows to learn from, and those to test on. There may be none to test on."""
    import numpy as np

    from edge_runtime.errors import DataError
    from img2imu.splits import split_by_name, split_by_subject

    if arguments.test_on is not None:
        return split_by_name(windows, arguments.train_on, arguments.test_on)
    if arguments.train_on is not None:
        raise DataError(
            f"--train-on names {', '.join(arguments.train_on) or 'nobody'} but --test-on nobody, "
            "expected both: add --test-on, or leave --train-on out"
        )
    if arguments.test_subjects:
        return split_by_subject(windows, arguments.test_subjects, arguments.seed)
    return np.arange(len(windows)), np.arange(0)


def _print_data(data_set: DataSet, support: Windows) -> None:
    import numpy as np

    print(
        f"{data_set.name}: {', '.join(data_set.channels)} at {data_set.rate_hz:g} Hz, windows of "
        f"{support.samples.shape[1] / support.rate_hz:g} s"
    )
    if data_set.licence:
        terms = f"licence {data_set.licence}; {data_set.citation}"
        print(textwrap.fill(terms, 100, subsequent_indent="  "))
    width = max(5, *map(len, data_set.label_names))
    print(f"\n{'class':{width}}  windows  people")
    for label, name in enumerate(data_set.label_names):
        people = support.subjects[support.labels == label]
        note = "" if len(people) else "  not learnt: it has no window to learn from"
        print(f"{name:{width}}  {len(people):7}  {len(np.unique(people)):6}{note}")
    n_people = len(np.unique(support.subjects))
    print(f"{'total':{width}}  {len(support):7}  {n_people:6}\n", flush=True)


def _print_test(classifier: MotionClassifier, test: Windows) -> None:
    import numpy as np
    from sklearn.metrics import f1_score

    macro_f1 = f1_score(
        test.class_names, classifier.predict(test.samples), average="macro", zero_division=0
    )
    print(
        f"macro-F1 {macro_f1:.3f} on {len(test)} windows of people held out: "
        f"{', '.join(np.unique(test.subjects))}"
    )


def _print_next(output: Path) -> None:
    model = shlex.quote(str(output))
    tflite = shlex.quote(str(output.with_suffix(".tflite")))
    print(
        f"wrote {output} ({math.ceil(output.stat().st_size / 1024)} KiB)\n\n"
        f"next:\n"
        f"  img2imu export {model} -o {tflite}\n"
        f"  img2imu run {tflite} --source RECORDING.csv"
    )
