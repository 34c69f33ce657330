"""Compare instructions per decision with those in instructions.json: ``make bench-arm64``.

Standard input is the console of the virtual machine, with two lines of instructions_worker.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from img2imu.markdown import markdown_table

KEPT = Path(__file__).with_suffix(".json")
MAX_RISE = 0.05
MAX_DIFFERENCE = 0.01  # between two processes in one virtual machine
NAMES = {"front_end": "front end", "inference": "inference", "push": "all, sample by sample"}


def main() -> int:
    """Compare the figures on standard input with the kept ones, or keep them with ``--renew``.

    Returns:
        1 if something is wrong, else 0.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--renew", action="store_true", help=f"write the figures to {KEPT.name}")
    renew = parser.parse_args().renew
    lines = sys.stdin.readlines()
    runs = read_runs(lines)
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if len(runs) == 2:
        print(make_table(runs, kept))
        if renew:
            kept = {key: round(min(run[key] for run in runs)) for key in NAMES}
    else:
        sys.stderr.writelines(lines)
    problems = find_problems(runs, kept)
    for sentence in problems:
        print(sentence, file=sys.stderr)
    if renew and not problems:
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        print(f"{KEPT.name} is renewed")
    return 1 if problems else 0


def read_runs(lines: Iterable[str]) -> list[dict[str, float]]:
    """Return the JSON objects among the lines of a console."""
    return [json.loads(line) for line in lines if line.startswith("{")]


def make_table(runs: list[dict[str, float]], kept: dict[str, float]) -> str:
    """Return the figures as Markdown."""
    rows = []
    for key, name in NAMES.items():
        first, second = (run[key] for run in runs)
        change = f"{min(first, second) / kept[key] - 1:+.1%}" if key in kept else ""
        rows.append([name, f"{first:,.0f}", f"{second:,.0f}", f"{kept.get(key, 0):,.0f}", change])
    header = ["instructions per decision", "first run", "second", "kept", "change"]
    return markdown_table(header, rows)


def find_problems(runs: list[dict[str, float]], kept: dict[str, float]) -> list[str]:
    """Return a sentence for each thing that is wrong.

    Args:
        runs: what instructions_worker.py printed.
        kept: instructions per decision, by the keys of NAMES.
    """
    if len(runs) < 2:
        return [f"{len(runs)} of 2 runs gave figures, expected 2: see the console above"]
    problems = [
        f"the virtual machine took {run['clock']:.3f} ns an instruction, expected 1: it does not "
        "count them"
        for run in runs
        if abs(run["clock"] - 1) > MAX_DIFFERENCE
    ]
    for key, name in NAMES.items():
        low, high = sorted(run[key] for run in runs)
        if high > (1 + MAX_DIFFERENCE) * low:
            problems.append(
                f"{name}: two runs of the same code took {low:,.0f} and {high:,.0f} instructions, "
                f"expected at most {MAX_DIFFERENCE:.0%} between them"
            )
        if low > (1 + MAX_RISE) * kept[key]:
            problems.append(
                f"{name}: {low:,.0f} instructions a decision are {low / kept[key] - 1:.1%} more "
                f"than the {kept[key]:,.0f} in {KEPT.name}, expected at most {MAX_RISE:.0%}: make "
                "it cheaper, or if it is worth it, run .ci/arm64/bench --renew and commit the file "
                "with the reason"
            )
    return problems


if __name__ == "__main__":
    sys.exit(main())
