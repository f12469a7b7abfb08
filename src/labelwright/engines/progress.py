"""How far a run over the data has come."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

__all__ = ["Progress", "Report", "reporting"]

Report: TypeAlias = Callable[[int, int | None], object]
Progress: TypeAlias = bool | Report | None


@contextmanager
def reporting(progress: Progress, what: str, total: int | None) -> Iterator[Report]:
    """Give a function to be called with ``(rows done, rows in all or None)``.

    Parameters
    ----------
    progress : bool, callable or None
        ``True``: a bar on standard error; ``False``: nothing; ``None``: a bar where standard error is a terminal;
        a callable is called itself.
    what : str
        What is going on.
    total : int or None
        Number of rows in all, where known.
    """
    if callable(progress):
        yield progress
        return
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda _done, _total: None
        return
    import rich.progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with bars.Progress(*columns, console=console, transient=console.is_terminal) as bar:
        task = bar.add_task(what, total=total, rate="")

        def show(done: int, _total: int | None) -> None:
            elapsed = bar.tasks[0].elapsed
            bar.update(task, completed=done, rate=f"{done / elapsed:,.0f} rows/s" if elapsed else "")

        yield show
