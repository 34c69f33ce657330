"""What docs/teach.md tells a newcomer to type, typed."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "python - <<'PYTHON'\n", "\nPYTHON\n"


def blocks():
    """The indented blocks of the page, without their indentation."""
    lines = (ROOT / "docs/teach.md").read_text().splitlines()
    code = [line[4:] if line.startswith("    ") else "" for line in lines]
    return textwrap.dedent("\n".join(code)) + "\n"


def test_a_newcomer_gets_from_a_recording_to_a_taught_motion(tmp_path):
    text = blocks()
    program = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
    commands = [
        line for line in text[text.index(END) :].splitlines() if line.startswith("img2imu ")
    ][:2]
    assert [command.split()[1] for command in commands] == ["teach", "run"]
    for command in commands:
        words = [sys.executable, "-m", *command.split()]
        if words[3] == "run":
            words[-1] += "?speed=max"
            words += ["--sink", "jsonl:-"]
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        )
    decisions = [json.loads(line) for line in done.stdout.splitlines()]
    said = {
        begin_s: {d["label"] for d in decisions if begin_s + 2.5 <= d["time_s"] < begin_s + 10}
        for begin_s in (0, 10, 20)
    }
    assert "lift" in said[0] and "turn" in said[10] and said[20] == {None}
    assert "turn" not in said[0] and "lift" not in said[10]
