"""What is analysed: a store that is filled, and the snapshots that were taken of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import networkx as nx

from benchmarks import seed
from benchmarks.store import Store
from graph_orch import Completion, NewTask, analysis
from graph_orch.analysis.snapshots.building import SnapshotKind
from graph_orch.store.statements import statement

Reads = list[tuple[str, dict[str, Any]]]
"""Statements and their parameters, in the order in which they were run."""

MADE = ("agents_and_reads", "tasks_and_reads")
STAGES = tuple(f"stage-{place}" for place in range(10))
NEAR = 5
"""A task depends on some of the layer before, at most so many places away."""
WORKED_OFF = 0.3
BATCH = 1_000
LEASE_SECONDS = 36_000.0


@dataclass(frozen=True)
class Sizes:
    """How much is analysed. `waiting` tasks are a chain, a ladder or a fan; `nodes` are drawn."""

    agents: int = 10_000
    skills: int = 1_000
    each: int = 40
    tasks: int = 100_000
    waiting: int = 10_000
    nodes: int = 1_000
    rounds: int = 3


SMALL = Sizes(agents=400, skills=50, each=5, tasks=2_000, waiting=200, nodes=60)


class Material:
    """The store, filled as it is asked for, and its graphs, kept until it is filled anew."""

    def __init__(self, store: Store, sizes: Sizes, directory: Path) -> None:
        self.store = store
        self.sizes = sizes
        self.directory = directory
        self._filled_by: Callable[[Store, Sizes], None] | None = None

    def fill(self, how: Callable[[Store, Sizes], None]) -> None:
        """Have in the store what `how` puts there, and nothing else."""
        if self._filled_by is not how:
            for name in MADE:  # what is held makes every collection of garbage longer
                vars(self).pop(name, None)
            self.store.wipe()
            how(self.store, self.sizes)
            self.store.settle()
            self._filled_by = how

    @property
    def agents(self) -> nx.DiGraph[Any]:
        """A snapshot of agents and skills."""
        return self.agents_and_reads[0]

    @property
    def tasks(self) -> nx.DiGraph[Any]:
        """A snapshot of tasks, with their tries."""
        return self.tasks_and_reads[0]

    @cached_property
    def agents_and_reads(self) -> tuple[nx.DiGraph[Any], Reads]:
        """The snapshot, and what was read for it."""
        self.fill(agents_and_skills)
        return self._snapshot("agents-skills")

    @cached_property
    def tasks_and_reads(self) -> tuple[nx.DiGraph[Any], Reads]:
        """The snapshot, and what was read for it."""
        self.fill(layers_of_tasks)
        return self._snapshot("tasks")

    def _snapshot(self, kind: SnapshotKind) -> tuple[nx.DiGraph[Any], Reads]:
        graph = self.store.orch.graph
        with patch.object(graph, "read", wraps=graph.read) as read:
            found = analysis.snapshot(self.store.orch, kind, progress=False)
        calls = read.call_args_list
        return found, [(statement(it.args[0]).text, dict(it.kwargs)) for it in calls]


def agents_and_skills(store: Store, sizes: Sizes) -> None:
    """Agents that each have some of the skills, chosen at random."""
    keys = seed.skills(store, sizes.skills)
    seed.agents(store, [f"agent-{n:05}" for n in range(sizes.agents)], keys, sizes.each)


def layers_of_tasks(store: Store, sizes: Sizes) -> None:
    """Tasks in a hundred layers, each of one to three of the layer before; some worked off."""
    store.orch.agents.register_agent("worker", STAGES, max_concurrent_tasks=BATCH)
    rows = list(in_layers(sizes.tasks))
    for first in range(0, len(rows), BATCH):
        store.orch.tasks.create_tasks(rows[first : first + BATCH])
    _work_off(store, int(sizes.tasks * WORKED_OFF))


def in_layers(number: int) -> Iterator[NewTask]:
    """Tasks in a hundred layers."""
    chance, ids = random.Random(8), task_ids(number)
    width = max(1, number // 100)
    for place, task_id in enumerate(ids):
        layer = place // width
        around = range(max(0, place - width - NEAR), place - width + NEAR)
        before = [at for at in around if layer and at // width == layer - 1]
        chosen = chance.sample(before, min(len(before), chance.randint(1, 3)))
        stage = STAGES[layer * len(STAGES) // 101]
        yield NewTask(
            task_id=task_id,
            content=f"part {place}",
            task_type=stage,
            requirements=(stage,),
            dependencies=tuple(ids[at] for at in chosen),
            metadata={"estimated_seconds": round(chance.lognormvariate(3, 0.6), 3)},
        )


def task_ids(number: int) -> list[str]:
    """Ids that are the same each time."""
    chance = random.Random(number)
    return [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(number)]


def _work_off(store: Store, number: int) -> None:
    chance, tasks = random.Random(9), store.orch.tasks
    while number > 0:
        claims = tasks.claim_tasks("worker", min(BATCH, number), LEASE_SECONDS, start=True)
        ends = tasks.complete_all(
            [Completion(claim=it, duration_ms=chance.lognormvariate(10, 0.6)) for it in claims]
        )
        if not claims or any(ends):
            raise RuntimeError(f"{number} tasks could not be worked off: {ends[:3]}")
        number -= len(claims)
