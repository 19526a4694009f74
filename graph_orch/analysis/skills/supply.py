"""Which skills are scarce: who has them, who is free, who waits for them, who alone has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graph_orch.analysis.model import AgentSkills, Given, TaskGraph, graph_of
from graph_orch.analysis.nodes import by_name, stated_tasks
from graph_orch.analysis.skills.similarity import degrees, overlaps
from graph_orch.domain.lifecycle import HELD

if TYPE_CHECKING:
    import pandas as pd

Requirements = frozenset[Hashable]


@dataclass(frozen=True, slots=True)
class Supply:
    """A skill, or a set of skills that one agent must have, who has it, and who wants it.

    `slots` and `free_slots` are those of its agents together, None where the graph does not say.
    An agent's slots count for each of its skills. `waiting` tasks are pending, `held` ones
    assigned or running.
    """

    skills: tuple[Hashable, ...]
    agents: tuple[Hashable, ...]
    slots: int | None
    free_slots: int | None
    waiting: int = 0
    held: int = 0

    @property
    def is_covered(self) -> bool:
        """Whether anybody has it."""
        return bool(self.agents)

    @property
    def only_agent(self) -> Hashable | None:
        """The one agent that has it: a single point of failure. None: nobody, or several."""
        return self.agents[0] if len(self.agents) == 1 else None

    @property
    def redundancy(self) -> int:
        """How many of its agents can be lost with somebody left."""
        return max(0, len(self.agents) - 1)

    @property
    def shortage(self) -> int:
        """How many of the waiting tasks find no free slot, at the least; 0 if slots are unknown."""
        free = 0 if not self.agents else self.free_slots
        return 0 if free is None else max(0, self.waiting - free)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is there of each skill, scarcest first, and of each set of skills that tasks require.

    `sets` is empty without tasks. The set () is what tasks without requirements require.
    """

    skills: tuple[Supply, ...]
    sets: tuple[Supply, ...]

    @property
    def uncovered(self) -> tuple[Supply, ...]:
        """The skills, and then the sets of several skills, that no agent has."""
        several = (supply for supply in self.sets if len(supply.skills) != 1)
        return tuple(supply for supply in (*self.skills, *several) if not supply.is_covered)

    @property
    def single_points(self) -> dict[Hashable, tuple[Hashable, ...]]:
        """The agents that alone have skills, with these; who has most of them first."""
        found: dict[Hashable, list[Hashable]] = {}
        for supply in self.skills:
            if len(supply.agents) == 1:
                found.setdefault(supply.agents[0], []).extend(supply.skills)
        ranked = sorted(found.items(), key=lambda item: (-len(item[1]), by_name(item[0])))
        return {agent: tuple(skills) for agent, skills in ranked}

    def to_frame(self) -> pd.DataFrame:
        """A row for each skill: skill, agents (how many), redundancy, slots, free_slots, …."""
        import pandas as pd

        return pd.DataFrame([_row(supply) for supply in self.skills], columns=list(_COLUMNS))


@dataclass(frozen=True, slots=True)
class Redundancy:
    """How well others could stand in for an agent.

    `only` are the skills that it alone has, `others` how many others have each of its skills, on
    average, and `stand_ins` how many others have all of them.
    """

    agent: Hashable
    skills: int
    only: tuple[Hashable, ...]
    others: float
    stand_ins: int


def coverage(graph: Given, tasks: Given | None = None) -> Coverage:
    """What there is of each skill, and what is wanted of it.

    Tasks are looked for in `tasks`, else in the graph itself; those that are live (pending,
    assigned or running, or without a status) count. A skill that only tasks name is there too,
    with no agents.

    Raises:
        AnalysisError: a task's requirements are no list of names, or slots no numbers; or see
            `agent_skills`.
    """
    view = AgentSkills.of(graph)
    wanted = requirement_sets(view, tasks)
    per_skill = _demand_by_skill(wanted)
    holders = skill_holders(view)
    for skill in sorted(per_skill.keys() - holders.keys(), key=by_name):
        holders[skill] = np.array([], dtype=np.int64)
    load = _Load(view)
    skills = [load.supply((skill,), at, per_skill.get(skill)) for skill, at in holders.items()]
    sets = [load.supply(_sorted(it), covering(view, holders, it), n) for it, n in wanted.items()]
    return Coverage(tuple(sorted(skills, key=_scarcity)), tuple(sorted(sets, key=_scarcity)))


def redundancy(graph: Given) -> tuple[Redundancy, ...]:
    """How well others could stand in for each agent; those hardest to replace first.

    Raises:
        AnalysisError: agents and skills cannot be told apart; see `AgentSkills`.
    """
    view = AgentSkills.of(graph)
    owners, sizes = degrees(view.matrix, 0), degrees(view.matrix, 1)
    stand_ins = _stand_ins(view, sizes)
    found: list[Redundancy] = []
    for row, agent in enumerate(view.agents):
        own = view.matrix.indices[view.matrix.indptr[row] : view.matrix.indptr[row + 1]]
        only = tuple(view.skills[i] for i in np.sort(own[owners[own] == 1]).tolist())
        others = float((owners[own] - 1).mean()) if len(own) else 0.0
        found.append(Redundancy(agent, len(own), only, others, int(stand_ins[row])))
    found.sort(key=lambda it: (-len(it.only), it.stand_ins, it.others, by_name(it.agent)))
    return tuple(found)


def requirement_sets(
    view: AgentSkills, tasks: Given | None = None
) -> dict[Requirements, tuple[int, int]]:
    """The sets of skills that live tasks require, and how many tasks wait and are held with each.

    Tasks are looked for in `tasks`, else in the graph of agents and skills itself. Skills are named
    as the nodes of that are: by their key, or "skill:" + key.
    """
    if isinstance(tasks, TaskGraph):
        found = tasks.tasks
    else:
        found = stated_tasks(view.graph if tasks is None else graph_of(tasks))
    counts: Counter[tuple[Requirements, bool]] = Counter()
    nodes: dict[frozenset[str], Requirements] = {}
    for task in found.values():
        if task.is_live:
            if task.skills not in nodes:
                nodes[task.skills] = frozenset(_node(view, key) for key in task.skills)
            counts[nodes[task.skills], task.has(HELD)] += 1
    sets = sorted({it for it, _ in counts}, key=lambda it: (len(it), list(map(str, _sorted(it)))))
    return {it: (counts[it, False], counts[it, True]) for it in sets}


def _node(view: AgentSkills, key: str) -> str:
    name = f"skill:{key}"
    return key if key in view.graph and name not in view.graph else name


def skill_holders(view: AgentSkills) -> dict[Hashable, np.ndarray[Any, np.dtype[np.int64]]]:
    """The rows of the agents that have each skill, in order."""
    columns = view.matrix.tocsc()
    columns.sort_indices()
    parts = np.split(columns.indices.astype(np.int64), columns.indptr[1:-1])
    return dict(zip(view.skills, parts, strict=False))


def covering(
    view: AgentSkills,
    holders: Mapping[Hashable, np.ndarray[Any, np.dtype[np.int64]]],
    required: Requirements,
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The rows of the agents that have every one of these skills; of all agents, for none."""
    rows = np.arange(len(view.agents))
    nobody = np.array([], dtype=np.int64)
    for skill in sorted(required, key=lambda it: (len(holders.get(it, nobody)), by_name(it))):
        rows = np.intersect1d(rows, holders.get(skill, nobody), assume_unique=True)
    return rows


class _Load:
    """The agents' slots, read once."""

    def __init__(self, view: AgentSkills) -> None:
        self._agents = view.agents
        limits, active = view.numbers("max_concurrent_tasks"), view.numbers("active_tasks")
        self._known = np.array([limit is not None for limit in limits], dtype=bool)
        self._slots = np.array([limit or 0 for limit in limits], dtype=float)
        self._free = np.maximum(0, self._slots - np.array([n or 0 for n in active], dtype=float))

    def supply(
        self,
        skills: tuple[Hashable, ...],
        rows: np.ndarray[Any, np.dtype[np.int64]],
        wanted: tuple[int, int] | None,
    ) -> Supply:
        agents = tuple(self._agents[row] for row in rows.tolist())
        known = bool(self._known[rows].all())
        slots = int(self._slots[rows].sum()) if known else None
        free = int(self._free[rows].sum()) if known else None
        return Supply(skills, agents, slots, free, *(wanted or (0, 0)))


def _demand_by_skill(
    wanted: Mapping[Requirements, tuple[int, int]],
) -> dict[Hashable, tuple[int, int]]:
    found: dict[Hashable, tuple[int, int]] = {}
    for required, (waiting, held) in wanted.items():
        for skill in required:
            before = found.get(skill, (0, 0))
            found[skill] = (before[0] + waiting, before[1] + held)
    return found


def _stand_ins(view: AgentSkills, sizes: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
    """How many others have all the skills of each agent."""
    found = np.where(sizes == 0, len(view.agents) - 1, 0)
    for first, block in overlaps(view.matrix):
        rows = np.repeat(np.arange(first, first + block.shape[0]), np.diff(block.indptr))
        np.add.at(found, rows[block.data == sizes[rows]], 1)
    return found - (sizes > 0)  # itself is among them


def _sorted(skills: Requirements) -> tuple[Hashable, ...]:
    return tuple(sorted(skills, key=by_name))


def _scarcity(supply: Supply) -> tuple[object, ...]:
    free = -1 if supply.free_slots is None else supply.free_slots
    names = tuple(map(str, supply.skills))
    return len(supply.agents), -supply.waiting, free, names


_COLUMNS = (
    "skill",
    "agents",
    "redundancy",
    "slots",
    "free_slots",
    "waiting",
    "held",
    "shortage",
    "only_agent",
)


def _row(supply: Supply) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(supply, name) for name in _COLUMNS[2:]}
    row |= {"skill": supply.skills[0], "agents": len(supply.agents)}
    return row
