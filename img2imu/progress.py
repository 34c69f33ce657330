"""Draw progress bars with rate and time left, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def track(
    items: Iterable[T],
    title: str,
    total: int,
    *,
    size: Callable[[T], int] = lambda _: 1,
    show: bool = True,
) -> Iterator[T]:
    """Yield the items, and draw how many are done.

    Args:
        items: the work.
        title: what is being done.
        total: sum of the sizes.
        size: returns the size of one item.
        show: False draws nothing.
    """
    with bar(title, total, show) as advance:
        for item in items:
            yield item
            advance(size(item))


@contextmanager
def bar(
    title: str, total: int | None, show: bool = True, *, in_bytes: bool = False, done: int = 0
) -> Iterator[Callable[[int], None]]:
    """Draw a bar, and yield the function that moves it by an amount of work.

    Nothing is drawn when ``show`` is False or standard error is not a terminal.

    Args:
        title: what is being done.
        total: amount of work; None when it is unknown.
        show: False draws nothing.
        in_bytes: the work is counted in bytes, and shown as such.
        done: work done before the bar started. It does not count towards the rate.
    """
    if not (show and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    amount: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    if in_bytes:
        amount = (DownloadColumn(binary_units=True), TransferSpeedColumn())
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        *amount,
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, completed=done, rate="")

        def advance(work: int) -> None:
            progress.advance(task, work)
            speed = progress.tasks[task].speed
            rate = ""
            if speed:
                decimals = 0 if speed >= 10 else 2
                rate = f"{speed:,.{decimals}f}/s"
            progress.update(task, rate=rate)

        yield advance
