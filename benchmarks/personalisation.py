"""How well a device knows its own person: taught on an earlier block, tested on a later one; and what it makes of the rest.

Run it as ``make personalisation DATA=...``; it prints Markdown and writes it to ``OUT/personalisation.md``, beside what
was drawn. A run that was stopped goes on where it was. docs/teach.md has the protocol and what came out.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: one core, as the figures say


