"""`python -m benchmarks.analysis`: measure, and write docs/performance/analysis.md.

It starts an embedded server of its own, or uses the empty one that NEO4J_URI names, and takes under
ten minutes on two cores. `--small` goes through all of it in less than one, for a look.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.analysis import pictures, skills, snapshots, table, tasks, waiting
from benchmarks.analysis.material import SMALL, Material, Sizes
from benchmarks.analysis.weighing import Case, Finding, found
from benchmarks.store import opened
from graph_orch import analysis

COMMAND = "python -m benchmarks.analysis"
PARTS: dict[str, Callable[[Material], Iterator[Case]]] = {
    "snapshot-agents": snapshots.of_agents,
    "files": snapshots.files,
    "skills": skills.skills,
    "centralities": skills.centralities,
    "communities": skills.communities,
    "snapshot-tasks": snapshots.of_tasks,
    "task-graphs": tasks.task_graphs,
    "history": tasks.history,
    "simulation": tasks.simulation,
    "waiting": waiting.waiting,
    "pictures": pictures.pictures,
}


def main() -> None:
    """Run the parts that were asked for, one after the other."""
    asked = arguments()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    _import_all()
    began = time.perf_counter()
    with opened() as store, tempfile.TemporaryDirectory() as directory:
        material = Material(store, SMALL if asked.small else Sizes(), Path(directory))
        findings = [it for name in asked.only or PARTS for it in _measured(name, material)]
        minutes = (time.perf_counter() - began) / 60
        text = table.as_json(findings, store, " ".join([COMMAND, *sys.argv[1:]]), minutes)
    table.write(text, asked.out, asked.document)


def _measured(name: str, material: Material) -> Iterator[Finding]:
    began = time.perf_counter()
    for case in PARTS[name](material):
        it = found(case, material.sizes.rounds)
        print(f"  {table.row(it.as_json())}", flush=True)
        yield it
    print(f"{name}: {time.perf_counter() - began:.0f} s\n", flush=True)


def _import_all() -> None:
    """What is imported when it is first asked for is not to be measured."""
    for name in dir(analysis):
        for inner in dir(getattr(analysis, name)):
            getattr(getattr(analysis, name), inner)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="just these parts")
    parser.add_argument("--small", action="store_true", help="small graphs, for a look")
    parser.add_argument("--out", type=Path, help="where to write analysis.json")
    parser.add_argument("--document", type=Path, help="a document whose table is written anew")
    asked = parser.parse_args()
    if asked.out is None and not asked.small and not asked.only:
        asked.out = Path("docs/performance")
        asked.document = asked.document or Path("docs/performance/analysis.md")
    asked.out = asked.out or Path("benchmarks/out")
    return asked


if __name__ == "__main__":
    main()
