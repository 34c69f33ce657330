"""Which operators of a loaded network run in LiteRT's fast path, the XNNPACK delegate, and which do not."""

from __future__ import annotations

from typing import Any

DELEGATE = "DELEGATE"


def operators_outside(interpreter: Any) -> tuple[str, ...] | None:
    """Kinds of the operators that no delegate took, each as often as it occurs.

    Args:
        interpreter: a TensorFlow Lite interpreter whose tensors are allocated.

    Returns:
        None when no delegate took anything, or this runtime does not tell.
    """
    if not hasattr(interpreter, "_get_ops_details"):
        return None
    details = interpreter._get_ops_details()
    delegates = [op for op in details if op["op_name"] == DELEGATE]
    if not delegates:
        return None
    makers = {
        int(tensor): i
        for i, op in enumerate(details)
        if op["op_name"] != DELEGATE
        for tensor in op["outputs"]
    }
    taken: set[int] = set()
    for delegate in delegates:  # what it computes lies between its outputs and its inputs
        given = {int(tensor) for tensor in delegate["inputs"]}
        wanted = [int(tensor) for tensor in delegate["outputs"]]
        while wanted:
            tensor = wanted.pop()
            maker = makers.get(tensor)
            if tensor in given or maker is None or maker in taken:
                continue
            taken.add(maker)
            wanted += [int(t) for t in details[maker]["inputs"] if t >= 0]
    return tuple(
        op["op_name"]
        for i, op in enumerate(details)
        if op["op_name"] != DELEGATE and i not in taken
    )


def operators_outside_text(outside: tuple[str, ...] | None) -> str:
    """What :func:`operators_outside` gave, in words."""
    if outside is None:
        return "none: LiteRT's plain kernels, slower"
    if not outside:
        return "XNNPACK, every operator"
    return f"XNNPACK, but for {len(outside)} operators ({', '.join(sorted(set(outside)))})"
