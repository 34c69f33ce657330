"""What a review found, in words, as a table, and as a picture."""

from __future__ import annotations

import os
from collections.abc import Iterator

from edge_runtime.extras import import_extra
from edge_runtime.files import atomic_write
from edge_runtime.teaching.rejection import OperatingPoint, Rejection, rarest
from edge_runtime.teaching.review import Review


def show_review(found: Review) -> Iterator[str]:
    """Line by line."""
    if found.accuracy is not None:
        right, of = (sum(column) for column in zip(*found.of_label.values(), strict=True))
        yield f"{right} of {of} examples are recognised by a head that did not see them ({found.accuracy:.0%})"
    width = max(map(len, found.of_label), default=0)
    for label, (right, of) in found.of_label.items():
        mistaken = ", ".join(
            f"{c.windows} for {c.given}" for c in found.confused if c.truth == label
        )
        judged = f"{right} of {of}" if of else "one example, not judged"
        yield f"  {label:<{width}}  {judged}" + (f"; taken {mistaken}" if mistaken else "")
    if found.rejection is not None:
        yield from show_rejection(found.rejection)
    yield from (f"note: {warning}" for warning in found.warnings)


def show_rejection(rejection: Rejection) -> Iterator[str]:
    """The curve as a table; the chosen threshold is marked."""
    chosen = rejection.chosen
    yield (
        f"unknown: below a probability of {chosen.threshold:.3g}; from {rejection.background_s:.0f} s of "
        f"background, {_rate(chosen, rejection)} false triggers an hour and {_missed(chosen)} missed motions are "
        "expected"
    )
    yield "    threshold  false triggers/h  missed"
    for point in sorted((*rejection.curve, chosen), key=lambda each: each.threshold):
        mark = " *" if point is chosen else ""
        yield f"  {point.threshold:>11.4g}  {_rate(point, rejection):>16}  {_missed(point):>6}{mark}"


def draw_rejection(rejection: Rejection, path: str | os.PathLike[str]) -> None:
    """False triggers and misses at each threshold, one above the other.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the place cannot be written.
    """
    import_extra("matplotlib", "demo").use("agg")
    pyplot = import_extra("matplotlib.pyplot", "demo")
    points = sorted((*rejection.curve, rejection.chosen), key=lambda each: each.threshold)
    figure, (above, below) = pyplot.subplots(
        2, 1, sharex=True, figsize=(6, 5), layout="constrained"
    )
    above.plot([point.false_triggers_per_hour for point in points], "o-", color="tab:blue")
    above.set(
        yscale="log",
        ylabel="false triggers per hour",
        title=f"From {rejection.background_s:.0f} s of background",
    )
    below.plot([100 * (point.missed or 0.0) for point in points], "o-", color="tab:orange")
    below.set(ylabel="missed examples (%)", ylim=(-4, 104), xlabel="threshold (dashed: chosen)")
    below.set_xticks(
        range(len(points)), [f"{point.threshold:.4g}" for point in points], rotation=45
    )
    for axes in (above, below):
        axes.axvline(points.index(rejection.chosen), color="tab:red", linestyle="--")
        axes.grid(alpha=0.3)
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=120)
    pyplot.close(figure)


def _rate(point: OperatingPoint, rejection: Rejection) -> str:
    least = rarest(rejection.background_s)
    return (
        f"<{least:.2g}"
        if point.false_triggers_per_hour <= least
        else f"{point.false_triggers_per_hour:.2g}"
    )


def _missed(point: OperatingPoint) -> str:
    return "?" if point.missed is None else f"{point.missed:.0%}"
