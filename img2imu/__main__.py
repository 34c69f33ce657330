"""``python -m img2imu`` is the ``img2imu`` command."""

import contextlib
import sys
from pathlib import Path


def _ignore_current_folder() -> None:
    """Remove the current folder, which ``python -m`` puts first, from ``sys.path``.

    Otherwise a user's ``export.py`` there would hide the package ``export``. A folder that holds
    img2imu itself stays.
    """
    if sys.flags.safe_path:  # python -P does not put it there
        return
    first = Path(sys.path[0])
    with contextlib.suppress(OSError):  # one of the folders does not exist any more
        if first.samefile(".") and not first.samefile(Path(__file__).parents[1]):
            del sys.path[0]


if __name__ == "__main__":
    _ignore_current_folder()
    from img2imu.cli import main

    sys.exit(main())
