"""Instructions per decision, counted twice by ``make bench-arm64``, against the figures kept in instructions.json."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

KEPT = Path(__file__).with_suffix(".json")
LARGEST_RISE = 0.05
LARGEST_DIFFERENCE = 0.01  # between two processes in one virtual machine
NAMES = {"front_end": "front end", "inference": "inference", "push": "all, sample by sample"}


def read_runs(lines: Iterable[str]) -> list[dict[str, float]]:
    """The JSON objects among the lines of a console."""
    return [json.loads(line) for line in lines if line.startswith("{")]


def complaints(runs: list[dict[str, float]], kept: dict[str, float]) -> list[str]:
    """What is wrong, in sentences; nothing when all is well.

    Args:
        runs: of instructions_worker.py.
        kept: instructions per decision, by the keys of NAMES.
    """
    if len(runs) < 2:
        return [f"{len(runs)} of 2 runs gave figures: see what they said above"]
    said = [
        f"the virtual machine took {run['clock']:.3f} ns an instruction, expected 1: it does not count them"
        for run in runs
        if abs(run["clock"] - 1) > LARGEST_DIFFERENCE
    ]
    for key, name in NAMES.items():
        low, high = sorted(run[key] for run in runs)
        if high > (1 + LARGEST_DIFFERENCE) * low:
            said.append(
                f"{name}: two runs of the same code took {low:,.0f} and {high:,.0f} instructions, expected at "
                f"most {LARGEST_DIFFERENCE:.0%} between them"
            )
        if low > (1 + LARGEST_RISE) * kept[key]:
            said.append(
                f"{name}: {low:,.0f} instructions a decision are {low / kept[key] - 1:.1%} more than the "
                f"{kept[key]:,.0f} in {KEPT.name}, expected at most {LARGEST_RISE:.0%}: make it cheaper, or if "
                "it is worth it, run .ci/arm64/bench --renew and commit the file with the reason"
            )
    return said


def table(runs: list[dict[str, float]], kept: dict[str, float]) -> str:
    """The figures as Markdown."""
    rows = [
        "| instructions per decision | first run | second | kept | change |",
        "|---|---|---|---|---|",
    ]
    for key, name in NAMES.items():
        first, second = (run[key] for run in runs)
        change = f"{min(first, second) / kept[key] - 1:+.1%}" if key in kept else ""
        rows.append(
            f"| {name} | {first:,.0f} | {second:,.0f} | {kept.get(key, 0):,.0f} | {change} |"
        )
    return "\n".join(rows)


def main() -> int:
    """Compare what standard input says, or with ``--renew`` keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--renew", action="store_true", help=f"write the figures to {KEPT.name}")
    renew = parser.parse_args().renew
    lines = sys.stdin.readlines()
    runs = read_runs(lines)
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if len(runs) == 2:
        print(table(runs, kept))
        if renew:
            kept = {key: round(min(run[key] for run in runs)) for key in NAMES}
    else:
        sys.stderr.writelines(lines)
    said = complaints(runs, kept)
    for sentence in said:
        print(sentence, file=sys.stderr)
    if renew and not said:
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        print(f"{KEPT.name} is renewed")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
