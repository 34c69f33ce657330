"""What a review found, in words, as a table, and as a picture."""

from __future__ import annotations

import os
from collections.abc import Iterator

from edge_runtime.extras import import_extra
from edge_runtime.files import written_whole
from edge_runtime.teaching.rejection import OperatingPoint, Rejection
from edge_runtime.teaching.review import Review

LEAST_SHOWN = 0.01  # false triggers per hour


def show_review(found: Review) -> Iterator[str]:
    """Line by line."""
    if found.accuracy is not None:
        right, of = (sum(column) for column in zip(*found.of_label.values(), strict=True))
        yield f"{right} of {of} examples are recognised by a head that did not see them ({found.accuracy:.0%})"
    width = max(map(len, found.of_label), default=0)
    for label, (right, of) in found.of_label.items():
        mistaken = ", ".join(f"{c.windows} for {c.given}" for c in found.confused if c.truth == label)
        judged = f"{right} of {of}" if of else "one example, not judged"
        yield f"  {label:<{width}}  {judged}" + (f"; taken {mistaken}" if mistaken else "")
    if found.rejection is not None:
        yield from show_rejection(found.rejection)
    yield from (f"note: {warning}" for warning in found.warnings)


def show_rejection(rejection: Rejection) -> Iterator[str]:
    """The curve as a table; the chosen threshold is marked."""
    chosen = rejection.chosen
    yield (f"unknown: below a probability of {chosen.threshold:.3g}; from {rejection.background_s:.0f} s of "
           f"background, {_rate(chosen)} false triggers an hour and {_missed(chosen)} of the motions missed are expected")
    yield "    threshold  false triggers/h  missed"
    for point in sorted((*rejection.curve, chosen), key=lambda each: each.threshold):
        mark = " *" if point is chosen else ""
        yield f"  {point.threshold:>11.4g}  {_rate(point):>16}  {_missed(point):>6}{mark}"


def draw_rejection(rejection: Rejection, path: str | os.PathLike[str]) -> None:
    """Misses against false triggers, a point for each threshold.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the place cannot be written.
    """
    import_extra("matplotlib", "demo").use("agg")
    figure, axes = import_extra("matplotlib.pyplot", "demo").subplots(figsize=(6, 4), layout="constrained")
    chosen = rejection.chosen
    places = [_place(point) for point in rejection.curve]
    axes.plot(*zip(*places, strict=True), "o-", color="tab:blue", label="other thresholds")
    for point, place in list(zip(rejection.curve, places, strict=True))[::3]:
        axes.annotate(f"{point.threshold:g}", place, textcoords="offset points", xytext=(4, 6), fontsize=8)
    axes.plot(*_place(chosen), "*", markersize=14, color="tab:red", label=f"chosen: {chosen.threshold:.3g}")
    axes.set(xscale="log", xlabel="false triggers per hour of background", ylabel="missed examples (%)", ylim=(-4, 104),
             title="What each threshold costs")
    axes.grid(alpha=0.3)
    axes.legend()
    with written_whole(path) as file:
        figure.savefig(file, format="png", dpi=120)
    import_extra("matplotlib.pyplot", "demo").close(figure)


def _place(point: OperatingPoint) -> tuple[float, float]:
    return max(point.false_triggers_per_hour, LEAST_SHOWN), 100 * (point.missed or 0.0)


def _rate(point: OperatingPoint) -> str:
    rate = point.false_triggers_per_hour
    return f"<{LEAST_SHOWN:g}" if rate < LEAST_SHOWN else f"{rate:.3g}"


def _missed(point: OperatingPoint) -> str:
    return "?" if point.missed is None else f"{point.missed:.0%}"
