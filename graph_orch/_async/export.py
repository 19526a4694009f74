"""Export: the whole graph as a stream of pages, each read in a short transaction of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Literal

from graph_orch._async.graph import AsyncGraph, Rows
from graph_orch._async.querying import AsyncQuerying
from graph_orch.domain.models import (
    AgentFilters,
    ExportedAgent,
    ExportedTask,
    ExportedTeam,
    ExportPage,
    Skill,
    Step,
    StoreCounts,
    Task,
    TaskFilters,
    TaskTry,
)
from graph_orch.domain.models.budgets import BudgetState
from graph_orch.domain.models.gates import Gate
from graph_orch.store.driving import native

TASKS_PAGE = 1_000
SKILLS_PAGE = 1_000
AGENTS_PAGE = 200
"""An agent brings up to a thousand skills with it."""
TEAMS_PAGE = 10
"""A team may bring every agent with it."""


class AsyncExport:
    """Reads a graph page by page, so that no read takes long or holds more than a page.

    What changes during the export may appear as it was or as it is, and what is deleted during it
    may be missing. Nothing appears twice.
    """

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph
        self._querying = AsyncQuerying(graph)

    async def counts(self) -> StoreCounts:
        """How many nodes there are of each kind, without reading them."""
        (row,) = await self._graph.read("export/counts")
        return StoreCounts.from_record(row)

    async def everything(
        self, filters: TaskFilters | Mapping[str, Any] | None = None
    ) -> AsyncIterator[ExportPage]:
        """The tasks that pass the filters, then all skills, all agents and all teams.

        Tasks come first: the skills that they require and the agents that have tried them exist by
        the time these are read.
        """
        async for page in self.tasks(filters):
            yield page
        async for page in self.agents():
            yield page
        async for page in self.teams():
            yield page

    async def tasks(
        self, filters: TaskFilters | Mapping[str, Any] | None = None
    ) -> AsyncIterator[ExportPage]:
        """The tasks that pass every filter given, oldest first, with their tries, gates, steps, and
        the budgets of their workflows.

        Raises:
            ValidationError: a filter is unknown, or a value is not acceptable.
        """
        wanted, after, more = TaskFilters.of(filters), None, True
        while more:
            page = await self._querying.page(wanted, TASKS_PAGE, after, to_the_end=True)
            yield await self._with_what_is_around(page)
            after = page.next_cursor
            more = after is not None

    async def agents(
        self, filters: AgentFilters | Mapping[str, Any] | None = None
    ) -> AsyncIterator[ExportPage]:
        """The agents that pass the filters, by id, with their skills; skills come before them.

        Without filters all skills are there, held or not. With `agent_id` those of these agents;
        with `skill` these skills only, and the agents that have one of them.

        Raises:
            ValidationError: a filter is unknown, or a value is not acceptable.
        """
        wanted = AgentFilters.of(filters)
        names: dict[str, str] = {}
        async for page in self._skills(wanted):
            names |= {skill.key: skill.name for skill in page.skills}
            yield page
        async for rows in self._agents(wanted):
            keys = {key for row in rows for key in row["agent"]["skills"]}
            keys |= {key for row in rows for key, _, _ in row["held"]}
            new = await self._skills_of(keys - names.keys())
            names |= {skill.key: skill.name for skill in new}
            yield ExportPage(
                skills=new if not wanted.skill else (),
                agents=[ExportedAgent.from_record(row, names) for row in rows],
                budgets=await self._budgets(f"agent:{row['agent']['agent_id']}" for row in rows),
            )

    async def teams(self) -> AsyncIterator[ExportPage]:
        """All teams, by id, with their members."""
        after, full = "", True
        while full:
            rows = await self._graph.read("export/teams", after=after, limit=TEAMS_PAGE)
            there = _there(rows, "team")
            yield ExportPage(
                teams=[ExportedTeam.from_record(native(row)) for row in there],
                budgets=await self._budgets(f"team:{row['team']['team_id']}" for row in there),
            )
            full = len(rows) == TEAMS_PAGE
            after = there[-1]["team"]["team_id"] if there else after

    async def _with_what_is_around(self, tasks: Sequence[Task]) -> ExportPage:
        tried = [task.task_id for task in tasks if task.attempt]
        rows = await self._graph.read("export/tries", task_ids=tried) if tried else ()
        tries = {row["task_id"]: row["tries"] for row in rows}
        ids = [task.task_id for task in tasks]
        rows = await self._graph.read("export/around", task_ids=ids) if ids else ()
        around: dict[str, Mapping[str, Any]] = {row["task_id"]: row for row in rows}
        found: list[ExportedTask] = []
        gates: dict[str, Gate] = {}
        for task in tasks:
            row = around.get(task.task_id, {})
            own = [Gate.from_record({"gate": it, "task_ids": ()}) for it in row.get("gates", ())]
            gates |= {gate.gate_id: gate for gate in own}
            found.append(
                ExportedTask(
                    task,
                    [TaskTry.from_record(it) for it in tries.get(task.task_id, ())],
                    [gate.gate_id for gate in own],
                    [Step.from_record({"result": None, **it}) for it in row.get("steps", ())],
                    row.get("charges"),
                )
            )
        budgets = await self._budgets(row["charges"] for row in rows if row["charges"])
        return ExportPage(tasks=found, gates=list(gates.values()), budgets=budgets)

    async def _budgets(self, owners: Iterable[str]) -> list[BudgetState]:
        keys = sorted(set(owners))
        rows = await self._graph.read("export/budgets", keys=keys) if keys else ()
        return [BudgetState.from_record(row) for row in rows]

    async def _skills(self, filters: AgentFilters) -> AsyncIterator[ExportPage]:
        if filters.skill:
            yield ExportPage(skills=await self._skills_of(filters.skill_keys))
            return
        after, full = "", not filters.agent_id
        while full:
            rows = await self._graph.read("export/skills", after=after, limit=SKILLS_PAGE)
            yield ExportPage(skills=[Skill.from_record(row) for row in rows])
            full = len(rows) == SKILLS_PAGE
            after = rows[-1]["skill"]["key"] if full else after

    async def _skills_of(self, keys: set[str]) -> list[Skill]:
        if not keys:
            return []
        rows = await self._graph.read("export/skills_by_key", keys=sorted(keys))
        return [Skill.from_record(row) for row in rows]

    async def _agents(self, filters: AgentFilters) -> AsyncIterator[Rows]:
        keys = sorted(filters.skill_keys) or None
        if filters.agent_id:
            ids = sorted(set(filters.agent_id))
            for start in range(0, len(ids), AGENTS_PAGE):
                some = ids[start : start + AGENTS_PAGE]
                rows = await self._graph.read("export/agents_by_id", agent_ids=some, keys=keys)
                yield [row for row in _there(rows, "agent") if row["held"] or keys is None]
            return
        name = "export/agents_by_skill" if keys else "export/agents"
        after, full = "", True
        while full:
            rows = await self._graph.read(name, after=after, limit=AGENTS_PAGE, keys=keys)
            there = _there(rows, "agent")
            yield there
            full = len(rows) == AGENTS_PAGE
            after = there[-1]["agent"]["agent_id"] if there else after


def _there(rows: Rows, node: Literal["agent", "team"]) -> Rows:
    """Rows without the nodes that were deleted while they were read, and so have no properties.

    The next page begins after the last row that is left.
    """
    return [row for row in rows if row[node] and row[node].get(f"{node}_id")]
