"""``img2imu verify``: check that a model file answers here as it did where it was made."""

from __future__ import annotations

import argparse

EXIT_DIFFERENT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("model", help="model file (.tflite)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def main(arguments: argparse.Namespace) -> int:
    """Run the command; the exit code is 1 if the answers differ beyond tolerance."""
    import json

    from edge_runtime.contract.container import read_model
    from edge_runtime.contract.strict_json import to_json
    from edge_runtime.network.verification import DIFFERENT, verify

    verification = verify(read_model(arguments.model))
    different = verification.verdict == DIFFERENT
    if arguments.json:
        print(json.dumps(to_json(verification), indent=1))
        return EXIT_DIFFERENT if different else 0
    print(
        f"{verification.verdict}: {verification.windows} windows replayed by "
        f"{verification.runtime} on {verification.cpu}; delegate: {verification.delegate}"
    )
    for part in verification.parts:
        print(
            f"  {part.name:<14}{part.verdict:<17} largest difference {part.difference:.2g}, "
            f"allowed {part.tolerance:g}"
        )
    if different:
        print(
            "this device computes other answers than the machine that made the model: upgrade "
            "ai-edge-litert and numpy, copy the file again, and report this if it stays"
        )
        return EXIT_DIFFERENT
    return 0
