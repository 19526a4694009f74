"""`python -m benchmarks`: measure, and write the table, the plots and the JSON file."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.plan import FULL, Plan
from benchmarks.results import Results
from benchmarks.store import Store, opened
from benchmarks.workloads import (
    brokers,
    deliveries,
    durable,
    flows,
    growth,
    pages,
    reactions,
    shapes,
    side_by_side,
    single,
    waiting,
)

Workload = Callable[[Store, Plan, Results], None]
WORKLOADS: dict[str, Workload] = {
    "start-up": single.start_up,
    "overhead": single.overhead,
    "claims": lambda store, plan, results: side_by_side.claims(
        store, plan, results, single.floors(store, plan, results)
    ),
    "lives": side_by_side.lives,
    "creation": side_by_side.creation,
    "routing": single.routing,
    "skill-sets": single.skill_sets,
    "shares": single.shares,
    "shapes": shapes.shapes,
    "matching": shapes.matching,
    "thinking": shapes.thinking,
    "workflows": flows.workflows,
    "gates": flows.gates,
    "history": single.after_history,
    "backlog": single.backlog,
    "handlers": durable.handlers,
    "budgets": durable.budgets,
    "waiting": waiting.waiting,
    "triggers": reactions.triggers,
    "relaying": brokers.relaying,
    "deliveries": deliveries.deliveries,
    "pages": pages.pages,
}
ONLY_FULL: dict[str, Workload] = {"growth": growth.growth}


def main() -> None:
    """Run the workloads that were asked for, one after the other."""
    asked = arguments()
    signal.signal(signal.SIGTERM, _end)
    plan = replace(FULL if asked.full else Plan(), traces=asked.traces)
    known = WORKLOADS | (ONLY_FULL if asked.full else {})
    with opened() as store:
        results = Results()
        for name in asked.only or known:
            began = time.perf_counter()
            known[name](store, plan, results)
            print(f"{name}: {time.perf_counter() - began:.0f} s\n", flush=True)
        found = results.as_json(store, asked.command)
    report.write(found, asked.out, asked.document)


def _end(number: int, _: object) -> None:
    """End as by an error, so that the servers are stopped."""
    sys.exit(128 + number)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    every = sorted(WORKLOADS | ONLY_FULL)
    parser.add_argument("--only", action="append", choices=every, help="just these workloads")
    parser.add_argument("--full", action="store_true", help="every size, up to a million tasks")
    parser.add_argument("--traces", type=Path, help="a directory of WfFormat files to run as well")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out"), help="where to write")
    parser.add_argument("--document", type=Path, help="a document whose table is written anew")
    asked = parser.parse_args()
    asked.command = os.environ.get(
        "BENCH_COMMAND", "python -m benchmarks " + " ".join(sys.argv[1:])
    )
    return asked


if __name__ == "__main__":
    main()
