"""Progress on standard error: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from graph_orch.domain.characters import visible

LINES = 5
"""About how many lines are printed where there is no terminal."""


@dataclass
class Progress:
    """How many tasks of a crew have ended, and how many each agent runs."""

    total: int
    completed: int = 0
    failed: int = 0
    running: dict[str, int] = field(default_factory=dict[str, int])


OnChange = Callable[[Progress], None]


@contextmanager
def shown(title: str, total: int, quiet: bool) -> Generator[OnChange]:
    """Show the progress that the block reports, unless `quiet`; results go to standard output."""
    from rich.console import Console

    title = visible(title)
    console = Console(stderr=True, highlight=False, markup=False)
    if quiet or not console.is_terminal:
        step, printed = max(1, total // LINES), set[int]()

        def print_line(now: Progress) -> None:
            ended = now.completed + now.failed
            is_due = ended not in printed and (ended % step == 0 or ended == now.total)
            if is_due and not quiet:
                printed.add(ended)
                console.print(f"{title}: {ended} of {now.total}, {now.failed} failed")

        yield print_line
        return
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

        def update_bar(now: Progress) -> None:
            who = " ".join(f"{name}:{count}" for name, count in sorted(now.running.items()))
            bar.update(row, completed=now.completed + now.failed, who=visible(who))

        yield update_bar


@contextmanager
def downloading() -> Generator[Callable[[int, int], None]]:
    """Show the bytes of a download that the block reports; nothing when nothing is fetched."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        printed: set[int] = set()

        def print_line(done: int, total: int) -> None:
            step = LINES * done // total
            if step not in printed:
                printed.add(step)
                console.print(f"fetching Neo4j: {100 * step // LINES} % of {total / 1e6:.0f} MB")

        yield print_line
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (DownloadColumn(), TransferSpeedColumn())
    with Bar("fetching Neo4j", *columns, console=console, transient=True) as bar:
        row = bar.add_task("", total=None, visible=False)
        yield lambda done, total: bar.update(row, completed=done, total=total, visible=True)
