"""A progress bar with rate and time left, on the terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], title: str, total: int, *, size: Callable[[T], int] = lambda _: 1,
          show: bool = True) -> Iterator[T]:
    """Pass the items on, drawing how far they have come.

    Args:
        items: what is worked through.
        title: what is being done.
        total: sum of the sizes.
        size: of one item.
        show: False draws nothing; neither does standard error that is no terminal.
    """
    if not (show and sys.stderr.isatty()):
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(),
               TextColumn("{task.fields[rate]}"), TimeRemainingColumn(elapsed_when_finished=True))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, rate="")
        for item in items:
            yield item
            progress.advance(task, size(item))
            speed = progress.tasks[task].speed
            progress.update(task, rate=f"{speed:,.0f}/s" if speed else "")
