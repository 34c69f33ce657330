"""Who competes: ours, and the baselines, behind the interface :class:`img2imu.baselines.Baseline`.

The runner gives ``fit`` the k labelled windows of every class and, without their labels, all
windows of the training subjects, the labelled among them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from edge_runtime.errors import DataError
from img2imu.baselines import BASELINES, Baseline, make
from img2imu.baselines.variant import Variant

Factory = Callable[[float, tuple[str, ...], int], Baseline]  # rate_hz, channels, seed


class Img2Imu(Variant):
    """:class:`img2imu.MotionClassifier` as it comes."""


METHODS: dict[str, Factory] = {
    "img2imu": Img2Imu,
}


def pick_methods(names: Sequence[str] | None) -> dict[str, Factory]:
    """Methods and baselines by name, in the tables' order; all of them without names.

    Raises:
        DataError: a name that is in neither table.
    """
    known = METHODS | {name: functools.partial(make, name) for name in BASELINES}
    for name in names or ():
        if name not in known:
            raise DataError(
                f"there is no method {name!r}, expected {', '.join(known)}: check the spelling"
            )
    return {name: factory for name, factory in known.items() if not names or name in names}
