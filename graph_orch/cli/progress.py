"""How far the work is: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graph_orch.cli.crew import OnChange, Progress
from graph_orch.domain.characters import visible

if TYPE_CHECKING:
    from rich.console import Console

LINES = 5
"""About how many lines are printed where there is no terminal."""


@contextmanager
def shown(title: str, total: int, quiet: bool) -> Generator[OnChange]:
    """Show progress while the block runs; it goes to stderr, results go to stdout."""
    from rich.console import Console

    title = visible(title)
    console = Console(stderr=True, highlight=False, markup=False)
    if quiet:
        yield _nothing
    elif console.is_terminal:
        with _bar(console, title, total) as change:
            yield change
    else:
        step, said = max(1, total // LINES), set[int]()
        yield lambda now: _line(console, title, now, step, said)


def _nothing(now: Progress) -> None:
    del now


def _line(console: Console, title: str, now: Progress, step: int, said: set[int]) -> None:
    ended = now.completed + now.failed
    if ended not in said and (ended % step == 0 or ended == now.total):
        said.add(ended)
        console.print(f"{title}: {ended} of {now.total}, {now.failed} failed")


@contextmanager
def _bar(console: Console, title: str, total: int) -> Generator[OnChange]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[who]}", markup=False),
    )
    with Bar(*columns, console=console) as bar:
        row = bar.add_task(title, total=total, who="")

        def change(now: Progress) -> None:
            who = " ".join(f"{name}:{count}" for name, count in sorted(now.running.items()))
            bar.update(row, completed=now.completed + now.failed, who=visible(who))

        yield change


@contextmanager
def downloading() -> Generator[Callable[[int, int], None]]:
    """Show the bytes of a download while the block runs; nothing where nothing is fetched."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with _download_bar(console) as change:
            yield change
    else:
        said: set[int] = set()
        yield lambda done, total: _download_line(console, LINES * done // total, total, said)


def _download_line(console: Console, step: int, total: int, said: set[int]) -> None:
    if step not in said:
        said.add(step)
        console.print(f"fetching Neo4j: {100 * step // LINES} % of {total / 1e6:.0f} MB")


@contextmanager
def _download_bar(console: Console) -> Generator[Callable[[int, int], None]]:
    from rich.progress import DownloadColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (DownloadColumn(), TransferSpeedColumn())
    with Bar("fetching Neo4j", *columns, console=console, transient=True) as bar:
        row = bar.add_task("", total=None, visible=False)
        yield lambda done, total: bar.update(row, completed=done, total=total, visible=True)
