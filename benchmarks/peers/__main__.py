"""`python -m benchmarks.peers`: tasks a second of each peer, in under five minutes."""

import signal
import sys
from contextlib import ExitStack
from statistics import median
from types import FrameType

from benchmarks.peers import Peer, peers, unavailable

ROUNDS = 3
WORKERS = (1, 8, 16)
BATCH = 50
TASKS = {None: 300, BATCH: 2000}
SLOW_BATCHES = {"procrastinate": 500}
"""It hands out one task at a time also then, so fewer take as long."""

Setting = tuple[int | None, int]
"""Size of a batch, None for single calls; number of workers."""

SETTINGS: list[Setting] = [(batch, workers) for batch in (None, BATCH) for workers in WORKERS]


def main() -> None:
    signal.signal(signal.SIGTERM, _terminated)
    for name, reason in unavailable().items():
        print(f"skipped {name}: {reason}")
    with ExitStack() as stack:
        running = [stack.enter_context(peer) for peer in peers()]
        for peer in running:
            print(f"{peer.name} {peer.version}: {peer.durability}")
        _print_table(running, _measure(running))


def _terminated(signum: int, frame: FrameType | None) -> None:
    """Leave by an exception, so that the servers are stopped."""
    sys.exit(128 + signum)


def _measure(running: list[Peer]) -> dict[tuple[str, Setting], list[float]]:
    """Tasks a second of each peer and setting, one figure a round, the peers taking turns."""
    figures: dict[tuple[str, Setting], list[float]] = {}
    for _ in range(ROUNDS):
        for setting in SETTINGS:
            for peer in running:
                if (figure := _figure(peer, *setting)) is not None:
                    figures.setdefault((peer.name, setting), []).append(figure)
    return figures


def _figure(peer: Peer, batch: int | None, workers: int) -> float | None:
    if batch is not None and not peer.batches:
        return None
    tasks = TASKS[batch] if batch is None else SLOW_BATCHES.get(peer.name, TASKS[batch])
    measured = peer.lifecycle(tasks, workers, batch)
    if measured.duplicates:
        print(f"{peer.name}: {measured.duplicates} tasks handed out twice")
    return measured.tasks_per_second


def _print_table(running: list[Peer], figures: dict[tuple[str, Setting], list[float]]) -> None:
    print(f"\ntasks/s through the whole lifecycle, median of {ROUNDS} rounds (least-most)")
    heads = [f"{'singly' if batch is None else f'by {batch}'} × {n}" for batch, n in SETTINGS]
    print(f"{'workers':20}" + "".join(f"{head:>22}" for head in heads))
    for peer in running:
        cells = (_cell(figures.get((peer.name, setting))) for setting in SETTINGS)
        print(f"{peer.name:20}" + "".join(f"{cell:>22}" for cell in cells))


def _cell(figures: list[float] | None) -> str:
    if not figures:
        return "-"
    return f"{median(figures):.0f} ({min(figures):.0f}-{max(figures):.0f})"


if __name__ == "__main__":
    main()
