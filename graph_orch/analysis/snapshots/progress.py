"""How far a long read is: a bar on a terminal, or whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

OnProgress = Callable[[int, int | None], object]
"""Is called with how many nodes were read and how many there are; None where that is not known."""


@contextmanager
def reported(title: str, progress: bool | OnProgress | None) -> Generator[OnProgress]:
    """What to tell the progress to while the block runs.

    Args:
        progress: None: a bar on stderr where that is a terminal; True: in any case; False: nothing;
            else a function to be called.
    """
    if callable(progress):
        yield progress
        return
    from rich.console import Console

    console = Console(stderr=True)
    if progress or (progress is None and console.is_terminal):
        with _bar(console, title) as tell:
            yield tell
    else:
        yield _nothing


def _nothing(done: int, total: int | None) -> None:
    del done, total


@contextmanager
def _bar(console: Console, title: str) -> Generator[OnProgress]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        row = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(row, completed=done, total=total)
