"""Tables in Markdown, as the reports and the benchmarks print them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table, without a line break after its last row.

    Args:
        header: titles of the columns.
        rows: cells of each row, one for each column; anything that ``str`` turns into text.
    """
    return "\n".join(_row(cells) for cells in (header, ["---"] * len(header), *rows))


def _row(cells: Sequence[object]) -> str:
    """An empty cell is one space wide: ``| |``."""
    return "|" + "|".join(f" {cell} " if str(cell) else " " for cell in cells) + "|"
