"""``python -m img2imu`` is the ``img2imu`` command."""

import sys

from img2imu.cli import main

sys.exit(main())
