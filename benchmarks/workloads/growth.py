"""Growth: what a task costs in time, memory and disk as the store fills."""

from __future__ import annotations

from pathlib import Path

from benchmarks import seed
from benchmarks.measure import Operation, Ratio, Series, interleaved
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store, opened

STEPS = 5


def growth(store: Store, plan: Plan, results: Results) -> None:
    """Fill a store with finished tasks, and look at every step.

    On a server of its own, where it can have one: the room that deleted nodes left is used again,
    and would hide what a task takes.
    """
    if store.directory is None:
        store.wipe()
        _grow(store, plan, results)
    else:
        with opened() as fresh:
            _grow(fresh, plan, results)


def _grow(store: Store, plan: Plan, results: Results) -> None:
    old = seed.finished(store)
    first, each = _state(store), plan.finished // STEPS
    for step in range(STEPS):
        seed.backlog(store, old, each)
        measured = interleaved(
            {
                "RETURN 1": Operation(store.return_1),
                "create_task": Operation(lambda _: store.orch.tasks.create_task("x", "any")),
            },
            rounds=plan.rounds,
            calls=plan.calls,
        )
        _keep(store, measured, (step + 1) * each, results)
    disk, _ = _state(store)
    if store.directory is not None:
        per_task = (disk - first[0]) / plan.finished
        results.at_most("store size for each finished task", Ratio.of([per_task]), "bytes")


def _keep(store: Store, measured: dict[str, Series], number: int, results: Results) -> None:
    disk, memory = _state(store)
    results.keep(f"{number} finished", measured)
    results.runs.append({"finished": number, "store bytes": disk, "resident bytes": memory})


def _state(store: Store) -> tuple[int, int]:
    """Bytes of the store's files, and of the server's resident memory; 0 where not known."""
    if store.directory is None or store.pid is None:
        return 0, 0
    files = (Path(store.directory) / "data" / "databases").rglob("*")
    disk = sum(path.stat().st_size for path in files if path.is_file())
    status = Path(f"/proc/{store.pid}/status").read_text()
    kib = next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]
    return disk, int(kib) * 1_024
