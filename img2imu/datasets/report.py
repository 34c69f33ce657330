"""An inspection as text."""

from __future__ import annotations

import textwrap

import numpy as np

from img2imu.datasets.inspection import Inspection, Timing, describe_units, plural, warnings

WIDTH = 100


def to_text(inspection: Inspection) -> str:
    """The whole report, lines of at most about 100 characters."""
    data_set = inspection.data_set
    seconds = sum(len(recording.samples) for recording in data_set.recordings) / data_set.rate_hz
    subjects = len({recording.subject for recording in data_set.recordings})
    who = "1 person" if subjects == 1 else f"{subjects} people"
    lines = [
        f"{data_set.name}: {', '.join(data_set.channels)} at {data_set.rate_hz:g} Hz",
        f"{plural(len(data_set.recordings), 'recording')} of {who}, {_duration(seconds)}, of "
        f"which {_duration(inspection.unlabelled_s)} without a label",
    ]
    if data_set.citation or data_set.licence:
        lines += textwrap.wrap(
            f"licence {data_set.licence or 'not stated'}; {data_set.citation}",
            WIDTH,
            subsequent_indent="  ",
        )
    lines += [
        "",
        *_time_lines(inspection.timing),
        *_unit_lines(inspection),
        "",
        *_class_lines(inspection),
    ]
    found = warnings(inspection)
    if found:
        lines += ["", "look at:"]
        for sentence in found:
            lines += textwrap.wrap(sentence, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.1f} s"
        if seconds < 120
        else f"{seconds / 60:.1f} min"
        if seconds < 7200
        else (f"{seconds / 3600:.1f} h")
    )


def _time_lines(timing: Timing | None) -> list[str]:
    if timing is None:
        return [
            "time     no timestamps: the data come on a uniform grid, so rate, jitter and gaps cannot be judged"
        ]
    deviations_ms = 1000 * timing.deviations_s
    rates = timing.rates_hz[np.isfinite(timing.rates_hz)]
    if not len(rates):
        return ["time     no two samples within half a second of each other"]
    spread = (
        f" ({rates.min():.2f} to {rates.max():.2f} over the recordings)" if len(rates) > 1 else ""
    )
    low, high = np.percentile(deviations_ms, [1, 99])
    gaps = (
        f"{plural(len(timing.gaps_s), 'gap')}, the longest {timing.gaps_s[0]:.1f} s"
        if timing.gaps_s
        else "no gaps"
    )
    return [
        f"rate     {np.median(rates):.2f} Hz measured{spread}",
        f"jitter   {deviations_ms.std():.2f} ms standard deviation of a step, 98 % within {low:+.2f} and "
        f"{high:+.2f} ms of the median",
        f"gaps     {gaps} (more than 0.5 s; recordings are cut there); {timing.repeated} repeated timestamps",
    ]


def _unit_lines(inspection: Inspection) -> list[str]:
    lines = []
    if len(inspection.magnitudes):
        low, median, high = np.percentile(inspection.magnitudes, [0, 50, 100])
        lines.append(
            f"|acc|    median {median:.2f} m/s^2 ({low:.2f} to {high:.2f} over the recordings)"
        )
    lines.append(f"units    {describe_units(inspection)}")
    for channel in inspection.channels:
        lines.append(f"{channel.channel:8} {channel.lowest:.4g} to {channel.highest:.4g}")
    return lines


def _class_lines(inspection: Inspection) -> list[str]:
    width = max(5, *(len(count.label) for count in inspection.classes))
    lines = [
        f"{'class':{width}}  recordings  people    seconds  windows of {inspection.window_s:g} s"
    ]
    for count in inspection.classes:
        lines.append(
            f"{count.label:{width}}  {count.recordings:10}  {count.subjects:6}  {count.seconds:9.1f}  "
            f"{count.windows:7}"
        )
    return lines
