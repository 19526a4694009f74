"""The graph as it is now, read from a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, cast, overload

import pydantic

from graph_orch.analysis.snapshots.building import KINDS, SnapshotBuilder, SnapshotKind
from graph_orch.analysis.snapshots.progress import OnProgress, reported
from graph_orch.domain.models import AgentFilters, ExportPage, StoreCounts, TaskFilters
from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    from graph_orch import AsyncExport, AsyncOrchestrator, Export, Orchestrator

Filters = AgentFilters | TaskFilters


def snapshot(
    orch: Orchestrator,
    kind: SnapshotKind = "agents-skills",
    *,
    progress: bool | OnProgress | None = None,
    **filters: Any,
) -> Any:
    """The store's agents and skills, its tasks, or all of it as a NetworkX graph.

    It is read in pages, each a short read of its own, so it is no picture of one instant: what
    changes meanwhile is seen as it was or as it is.

    Args:
        kind: "agents-skills" or "tasks" for a `networkx.DiGraph`; "all" for a
            `networkx.MultiDiGraph` whose edges have their type as key.
        progress: None: a bar on stderr where that is a terminal; True: in any case; False: none; or
            a function of how many nodes were read, and of how many (None where filters decide).
        filters: For "agents-skills" `agent_id` and `skill` (these skills only, and the agents that
            have one of them), each one or several. For the others those of `TaskFilters`.

    Returns:
        Nodes are agents and tasks by their ids, skills as "skill:" + key, teams as
        "team:" + team_id, the gates at which tasks wait or waited as "gate:" + gate_id, and the
        budgets of workflows (of agents and teams too for "all") as "budget:" + owner.
        `label` says what a node is, `type` what an edge is; the rest are the attributes of the
        models, those that are not None. A task is joined to what it depends on, to its gates and to
        the budget that pays for it; it has its `tries`, oldest first, and `steps`, if its handler
        has kept some. `graph.graph` has kind, taken_at (by the store's clock),
        filters, version; with tasks also `tries`, their number, and `outside`: how many edges of
        each type lead to what is not in the snapshot, and so are left out.

    Raises:
        ValidationError: the kind or a filter is unknown, or a value is not acceptable.
        AnalysisError: two things would be the same node, such as an agent whose id is a task's.
        StoreError: the store is away.
    """
    wanted = filters_of(kind, filters)
    if not hasattr(orch, "__exit__"):
        raise ValidationError(
            f"snapshot: orch: a {type(orch).__name__} is no Orchestrator; for an AsyncOrchestrator "
            "await asnapshot()"
        )
    counts = orch.export.counts()
    build = _Build(kind, wanted, counts)
    with reported(build.title, progress) as tell:
        for page in _pages(orch.export, kind, wanted):
            tell(*build.add(page))
    return build.finish()


async def asnapshot(
    orch: AsyncOrchestrator,
    kind: SnapshotKind = "agents-skills",
    *,
    progress: bool | OnProgress | None = None,
    **filters: Any,
) -> Any:
    """The same as `snapshot`, for an `AsyncOrchestrator`."""
    wanted = filters_of(kind, filters)
    if not hasattr(orch, "__aexit__"):
        raise ValidationError(
            f"asnapshot: orch: a {type(orch).__name__} is no AsyncOrchestrator; for an "
            "Orchestrator call snapshot()"
        )
    counts = await orch.export.counts()
    build = _Build(kind, wanted, counts)
    with reported(build.title, progress) as tell:
        async for page in _pages(orch.export, kind, wanted):
            tell(*build.add(page))
    return build.finish()


def filters_of(kind: str, given: Mapping[str, Any]) -> Filters:
    """The filters of a kind of snapshot.

    Raises:
        ValidationError: the kind or a filter is unknown, or a value is not acceptable.
    """
    if kind not in KINDS:
        raise ValidationError(f"snapshot: kind: {kind!r} is none of {', '.join(KINDS)}")
    model = AgentFilters if kind == "agents-skills" else TaskFilters
    if unknown := sorted(given.keys() - model.model_fields.keys()):
        raise ValidationError(
            f"snapshot: unknown filter {', '.join(unknown)}; known for {kind!r} are "
            f"{', '.join(model.model_fields)}"
        )
    return model.parsed("snapshot", dict(given))


class _Build:
    """A graph that grows page by page, and knows how far it is."""

    def __init__(self, kind: SnapshotKind, filters: Filters, counts: StoreCounts) -> None:
        plain = _plain(filters)
        self.title = f"snapshot of {kind}"
        self._builder = SnapshotBuilder(kind, counts.taken_at, plain)
        self._done = 0
        self._total = None if plain else _total(kind, counts)

    def add(self, page: ExportPage) -> tuple[int, int | None]:
        """Take a page; how many nodes there were, of how many."""
        self._builder.add(page)
        self._done += len(page)
        return self._done, self._total

    def finish(self) -> Any:
        return self._builder.finish()


def _total(kind: SnapshotKind, counts: StoreCounts) -> int:
    agents = counts.agents + counts.skills
    match kind:
        case "agents-skills":
            return agents
        case "tasks":
            return counts.tasks
        case "all":
            return agents + counts.tasks + counts.teams


@overload
def _pages(export: Export, kind: SnapshotKind, filters: Filters) -> Iterator[ExportPage]: ...
@overload
def _pages(
    export: AsyncExport, kind: SnapshotKind, filters: Filters
) -> AsyncIterator[ExportPage]: ...
def _pages(
    export: Export | AsyncExport, kind: SnapshotKind, filters: Filters
) -> Iterator[ExportPage] | AsyncIterator[ExportPage]:
    if isinstance(filters, AgentFilters):
        return export.agents(filters)
    return export.tasks(filters) if kind == "tasks" else export.everything(filters)


def _plain(filters: pydantic.BaseModel) -> dict[str, Any]:
    """The filters that were given, as a file can hold them."""
    found: dict[str, Any] = {}
    for name, value in filters.model_dump(exclude_defaults=True).items():
        several = isinstance(value, tuple)
        found[name] = [_text(item) for item in cast(tuple[Any, ...], value)] if several else value
    return found


def _text(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
