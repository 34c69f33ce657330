"""Progress bars with rate and time left, on the terminal alone."""

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
    """Pass the items on, drawing how far they have come.

    Args:
        items: what is worked through.
        title: what is being done.
        total: sum of the sizes.
        size: of one item.
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
    """A bar that moves when the function it gives is called with the work done since.

    Nothing is drawn when ``show`` is False or standard error is no terminal.

    Args:
        title: what is being done.
        total: all the work; None when it is not known.
        show: False draws nothing.
        in_bytes: work is counted in bytes, and shown as such.
        done: work done before, which says nothing about the rate.
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

    counted: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    if in_bytes:
        counted = (DownloadColumn(binary_units=True), TransferSpeedColumn())
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        *counted,
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, completed=done, rate="")

        def advance(work: int) -> None:
            progress.advance(task, work)
            speed = progress.tasks[task].speed
            progress.update(task, rate=f"{speed:,.{0 if speed >= 10 else 2}f}/s" if speed else "")

        yield advance
