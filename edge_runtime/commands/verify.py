"""``img2imu verify``: does a model file answer here as it did where it was made?"""

from __future__ import annotations

import argparse

EXIT_DIFFERENT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("model", help="model file, written by img2imu export (.tflite)")
    parser.add_argument("--json", action="store_true", help="the result as JSON")


def main(arguments: argparse.Namespace) -> int:
    """Run the command; the exit code is 1 when the answers differ beyond tolerance."""
    import json

    from edge_runtime.contract.container import read_model
    from edge_runtime.contract.strict_json import to_json
    from edge_runtime.network.verification import DIFFERENT, verify

    found = verify(read_model(arguments.model))
    if arguments.json:
        print(json.dumps(to_json(found), indent=1))
        return EXIT_DIFFERENT if found.verdict == DIFFERENT else 0
    print(
        f"{found.verdict}: {found.windows} windows replayed by {found.runtime} on {found.cpu}; delegate: "
        f"{found.delegate}"
    )
    for part in found.parts:
        print(
            f"  {part.name:<14}{part.verdict:<17} largest difference {part.difference:.2g}, allowed "
            f"{part.tolerance:g}"
        )
    if found.verdict == DIFFERENT:
        print(
            "this device does not compute what the model was verified with: upgrade ai-edge-litert and numpy, copy "
            "the file again, and report this if it stays"
        )
        return EXIT_DIFFERENT
    return 0
