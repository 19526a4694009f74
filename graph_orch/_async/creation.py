"""Creating tasks, alone or in batches; each once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from operator import itemgetter
from typing import Any

from graph_orch._async.due import AsyncDue
from graph_orch._async.graph import AlreadyAppliedError, AsyncGraph, AsyncTransaction
from graph_orch._async.skills import AsyncSkills
from graph_orch.domain.forms import dump_json, skill_key
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lanes import Lane, least_of
from graph_orch.domain.lifecycle import DependencyFailure, TaskStatus
from graph_orch.domain.models import NewTask, RetryPolicy
from graph_orch.domain.models.tasks import copy_of
from graph_orch.errors import (
    DependencyCycleError,
    DependencyNotFoundError,
    GateNotFoundError,
    StoreError,
    TaskConflictError,
    ValidationError,
    WorkflowCancelledError,
    WorkflowNotFoundError,
)
from graph_orch.store.batching import AsyncCombiner, NotTogetherError, weight

Batch = Sequence[NewTask]
"""The tasks of one call: all are created, or none."""
FEW_DEPENDENCIES = 100
MAX_RETRIES = RetryPolicy().max_retries
ONE_TRY = (0, 0, 0, 1)
"""What a task reserves at the least."""
TRIES = 5
"""How often creating starts again, each time because another call created what it needs too."""


class AsyncCreation:
    """Writes new tasks into a graph."""

    def __init__(
        self,
        graph: AsyncGraph,
        retry_policy: RetryPolicy,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._graph = graph
        self._retry_policy = retry_policy
        self._clock = clock
        self._due = AsyncDue(graph)
        self._skills = AsyncSkills(graph)
        self.charged: set[str] = set()
        """The workflows that are known to have a budget, whose tasks have lanes of their own."""
        self._creating = AsyncCombiner[Batch, bool](
            self._insert_all, weigh=_weight, check=graph.check_usable
        )
        # A batch is worth a transaction of its own, so that two go at once.
        self._creating_many = AsyncCombiner[Batch, bool](
            self._insert_all, weigh=_weight, at_once=2, check=graph.check_usable
        )

    async def create(self, tasks: Sequence[NewTask]) -> list[str]:
        """Create all of these tasks in one transaction; their ids, in the order given.

        A task that exists already, by its id or its idempotency key, is answered with what exists.
        """
        refuse_names_alone(tasks)
        ids = {task.task_id: task.task_id for task in tasks}
        fresh = _without_repeats(tasks, ids)
        refuse_cycles(fresh)
        for _ in range(TRIES):
            if not fresh or await self._inserted(fresh):
                await self.warn_of_unknown_skills(fresh)
                return [ids[task.task_id] for task in tasks]
            fresh = await self.settle(fresh, ids)
        raise StoreError(
            f"creating {len(tasks)} tasks met somebody else's writes {TRIES} times; try again"
        )

    async def warn_of_unknown_skills(self, tasks: Iterable[NewTask]) -> None:
        """Log a warning of skills of new tasks that nobody has; each once in a process."""
        named = (it for task in tasks for it in (*task.requirements, *task.fallback_requirements))
        await self._skills.warn_of_unknown(named)

    async def _inserted(self, batch: Batch) -> bool:
        """Insert tasks, together with those of other calls where they can share a transaction."""
        many_edges = sum(len(task.dependencies) for task in batch) > FEW_DEPENDENCIES
        if self._clock is not None or many_edges or any(map(_may_be_doomed, batch)):
            return await self._insert(batch)
        return await (self._creating if len(batch) == 1 else self._creating_many).submit(batch)

    async def _insert_all(self, batches: Sequence[Batch]) -> list[bool | Exception]:
        """Insert the tasks of several calls, or ask the combiner to try fewer together."""
        tasks = [task for batch in batches for task in batch]
        alone = len(batches) == 1
        inserted = (alone or _are_apart(batches)) and await self._insert(tasks)
        if not inserted and not alone:
            raise NotTogetherError("create: the tasks of several callers cannot go together")
        return [inserted] * len(batches)

    async def _insert(self, tasks: Sequence[NewTask]) -> bool:
        params = insertion(tasks, self._retry_policy, self.charged)
        params["now"] = None if self._clock is None else self._clock()
        try:
            if not any(map(_may_be_doomed, tasks)):
                (row,) = await self._graph.write("tasks/create", **params)
                return row["number"] > 0
            found, owing = await self._graph.transaction(insert, params)
        except AlreadyAppliedError:
            return False
        await self._due.cancel_dependents(owing)
        return found

    async def settle(self, tasks: Sequence[NewTask], ids: dict[str, str]) -> list[NewTask]:
        """Find out why nothing was inserted: add missing lanes, and leave out tasks that exist.

        Args:
            ids: Gets the ids of the tasks that are left out.
        """
        tasks = _without_repeats(tasks, ids)
        params = insertion(tasks, self._retry_policy, self.charged)
        lanes_needed = sorted({*params["lanes"], *params["fallback_lanes"]})
        (found,) = await self._graph.read(
            "tasks/find_created",
            task_ids=[task.task_id for task in tasks],
            idempotency_keys=[task.idempotency_key for task in tasks if task.idempotency_key],
            dependency_ids=params["dependency_ids"],
            lanes=lanes_needed,
            gate_ids=params["gate_ids"],
            workflow_ids=params["workflow_ids"],
        )
        refuse_currencies(params["currencies"], found["currency"])
        fresh = _without_existing(tasks, found["existing"], ids)
        ids |= {
            given: ids.get(one, one) for given, one in ids.items()
        }  # repeats of one that exists
        known = set(found["dependencies"])
        if missing := [id_ for id_ in _outside(fresh) if id_ not in known]:
            raise DependencyNotFoundError(missing)
        if missing := set(params["gate_ids"]).difference(found["gates"]):
            raise GateNotFoundError(missing)
        workflows = {key: (cancelled, charged) for key, cancelled, charged in found["workflows"]}
        for workflow_id in params["workflow_ids"]:
            if workflow_id not in workflows:
                raise WorkflowNotFoundError(workflow_id)
            if workflows[workflow_id][0]:
                raise WorkflowCancelledError(workflow_id)
        self.charged -= workflows.keys()
        self.charged |= {key for key, (_, charged) in workflows.items() if charged}
        lanes = set(found["lanes"])
        if strange := [
            task
            for task in fresh
            if not all(lane.key in lanes for lane in _lanes(task, self.charged))
        ]:
            await self._graph.transaction(add_lanes, strange, self.charged)
        return fresh


async def insert(tx: AsyncTransaction, params: dict[str, Any]) -> tuple[bool, list[str]]:
    """Insert tasks, and cancel those whose dependencies failed.

    Returns:
        Whether they were inserted, which they are not where a lane is missing; and which of those
        that were cancelled have dependents to be cancelled with them.
    """
    (row,) = await tx.run("tasks/create", **params)
    owing = await cancel_doomed(tx, row["doomed"], params["command_id"]) if row["doomed"] else []
    return row["number"] > 0, owing


async def cancel_doomed(tx: AsyncTransaction, task_ids: list[str], command_id: str) -> list[str]:
    """Cancel tasks whose dependencies failed; those that have dependents to be cancelled too."""
    rows = await tx.run("tasks/cancel_doomed", task_ids=task_ids, command_id=command_id)
    return [row["task_id"] for row in rows if row["cascade"]]


async def add_lanes(
    tx: AsyncTransaction, tasks: Iterable[NewTask], charged: Collection[str] = ()
) -> None:
    """Add the lanes of these tasks, and their skills; `charged` as for `insertion`."""
    lanes = [lane for task in tasks for lane in _lanes(task, charged)]
    named = (it for task in tasks for it in (*task.requirements, *task.fallback_requirements))
    await add_skills(tx, {skill_key(name): name for name in named})
    await lay_lanes(tx, lanes)


async def lay_lanes(tx: AsyncTransaction, lanes: Iterable[Lane]) -> None:
    """Add lanes, of skills that there are."""
    rows = sorted({lane.key: lane.row() for lane in lanes}.items(), key=itemgetter(0))
    await tx.run("tasks/add_lanes", lanes=[row for _, row in rows], command_id=new_hex())


async def add_skills(tx: AsyncTransaction, names: Mapping[str, str]) -> None:
    """Make sure that skills (key -> name) exist."""
    skills = [{"key": key, "name": name} for key, name in sorted(names.items())]
    await tx.run("tasks/add_skills", skills=skills)


def insertion(
    tasks: Sequence[NewTask], retry_policy: RetryPolicy, charged: Collection[str] = ()
) -> dict[str, Any]:
    """The parameters of `tasks/create`, but for the time.

    Args:
        retry_policy: How those are tried again that do not say so themselves.
        charged: The workflows that have a budget, which pays for their tasks.
    """
    rows = [_row(position, task, retry_policy, charged) for position, task in enumerate(tasks)]
    workflow_ids = {task.workflow_id for task in tasks if task.workflow_id}
    return {
        "rows": rows,
        "dependency_ids": _outside(tasks),
        "gate_ids": sorted({gate_id for task in tasks for gate_id in task.gates}),
        "workflow_ids": sorted(workflow_ids),
        "charged": sorted(workflow_ids.intersection(charged)),
        "currencies": sorted({it for task in tasks if (it := _currency(task)) is not None}),
        "lanes": sorted({row["task"]["lane"] for row in rows}),
        "fallback_lanes": sorted(
            {row["task"]["fallback_lane"] for row in rows if "fallback_lane" in row["task"]}
        ),
        "command_id": new_hex(),
    }


def _outside(tasks: Sequence[NewTask]) -> list[str]:
    """The tasks outside of the batch that it names, in the order in which tasks are locked."""
    own = {task.task_id for task in tasks}
    return sorted({id_ for task in tasks for id_ in task.named_tasks} - own)


def _charges(task: NewTask, charged: Collection[str]) -> str | None:
    """The key of the budget that pays for a task as one of its workflow."""
    return f"workflow:{task.workflow_id}" if task.workflow_id in charged else None


def _estimate(task: NewTask) -> list[int] | None:
    """What a task reserves, as the store has it; None: what tries under its budgets used before."""
    if task.estimate is None:
        return None
    given = task.estimate.amounts(ONE_TRY)
    return [max(amount, least) for amount, least in zip(given, ONE_TRY, strict=True)]


def _currency(task: NewTask) -> str | None:
    """The currency of the money that a task is estimated to use; None: no money."""
    if task.estimate is None or task.estimate.cost is None:
        return None
    return task.estimate.currency


def changed(
    record: Mapping[str, Any], fields: Mapping[str, object]
) -> tuple[NewTask, Collection[str], dict[str, Any]]:
    """A task as it is with other fields, for `tasks/update`.

    Args:
        record: A row as `Task.from_record` takes it.

    Returns:
        The task, which of the workflows has a budget that pays for it, and the properties that are
        stored for these fields, with the lane; None for those that it has no longer.
    """
    task = copy_of(record, **fields)
    has_fallen = task.falls_back and not record["task"].get("fallback_lane")
    if has_fallen and "team_id" not in fields:  # for good
        whose = task.team_id if task.for_leader else None
        gone = {"fallback_requirements": (), "fallback_after_seconds": None}
        task = task.model_copy(update={"team_id": whose, "for_leader": False, **gone})
    charged = {str(task.workflow_id)} if record["task"].get("charges") else set[str]()
    stored = _row(0, task, RetryPolicy(), charged)["task"]
    names = {"lane", *fields} - {"requirements"}
    if record["task"].get("fallback_lane"):  # else there is no fallback, or no more
        names.add("fallback_lane")
    names |= {"estimate_currency"} if "estimate" in fields else set()
    return task, charged, {name: stored.get(name) for name in names}


def _lanes(task: NewTask, charged: Collection[str]) -> list[Lane]:
    """The lane of a task, and where it falls back, the one in which it is from then on.

    What falls back is for others than its team, and for the members where it was for the leader.
    """
    lane = Lane(
        skills=tuple(sorted(task.skill_keys)),
        team_id=task.team_id,
        for_leader=task.for_leader,
        labels=tuple(sorted(task.required_labels)),
        preferred=tuple(sorted(task.preferred_labels.items())),
        fairness_key=task.fairness_key,
        concurrency_key=task.concurrency_key,
        charges=_charges(task, charged),
        least=least_of(_estimate(task)),
    )
    if not task.falls_back:
        return [lane]
    whose = task.team_id if task.for_leader else None
    skills = tuple(sorted(task.fallback_keys)) or lane.skills
    return [lane, replace(lane, skills=skills, team_id=whose, for_leader=False)]


def _row(
    position: int, task: NewTask, default: RetryPolicy, charged: Collection[str]
) -> dict[str, Any]:
    lanes = [lane.key for lane in _lanes(task, charged)]
    properties = {
        "task_id": task.task_id,
        "task_type": task.task_type,
        "content": task.content,
        "status": TaskStatus.PENDING.value,
        "priority": task.priority.value,
        "lane": lanes[0],
        "fallback_lane": lanes[-1] if task.falls_back else None,
        "fallback_requirements": list(task.fallback_requirements) or None,
        "fallback_after_seconds": task.fallback_after_seconds,
        "charges": _charges(task, charged),
        "estimate": _estimate(task),
        "estimate_currency": _currency(task),
        "attempt": 0,
        "events": 1,
        "retry_count": 0,
        "available_at": task.available_at,
        "on_dependency_failure": task.on_dependency_failure.value,
        "metadata": task.metadata_text,
        "idempotency_key": task.idempotency_key,
        "fingerprint": task.fingerprint(),
        "concurrency_key": task.concurrency_key,
        "fairness_key": task.fairness_key,
        "team_id": task.team_id,
        "for_leader": task.for_leader or None,
        "required_labels": list(task.required_labels) or None,
        "preferred_labels": dump_json(task.preferred_labels) if task.preferred_labels else None,
        "independent_of": list(task.independent_of) or None,
        "workflow_id": task.workflow_id,
        "name": task.name,
        "schedule_to_start_seconds": task.schedule_to_start_seconds,
        "start_to_close_seconds": task.start_to_close_seconds,
        "schedule_to_close_seconds": task.schedule_to_close_seconds,
        **_retries(task, default),
    }
    return {
        "position": position,
        "rank": task.priority.rank,
        "skills": task.skill_keys,
        "dependencies": list(task.dependencies),
        "gates": list(task.gates),
        "event_id": task.task_id.replace("-", "") + "c",
        "task": {name: value for name, value in properties.items() if value is not None},
    }


def _retries(task: NewTask, default: RetryPolicy) -> dict[str, Any]:
    policy = task.retry_policy or default
    given = task.max_retries != MAX_RETRIES
    pauses = {  # without these it is tried again at once
        "retry_initial_seconds": policy.initial_seconds,
        "retry_multiplier": policy.multiplier,
        "retry_max_seconds": policy.max_seconds,
        "retry_jitter": policy.jitter,
    }
    return {
        "max_retries": task.max_retries if given else policy.max_retries,
        "non_retryable": list(policy.non_retryable) or None,
    } | (pauses if policy.initial_seconds else {})


def _may_be_doomed(task: NewTask) -> bool:
    waits = task.dependencies or task.gates
    return bool(waits) and task.on_dependency_failure is DependencyFailure.CANCEL


def _weight(tasks: Sequence[NewTask]) -> int:
    letters = sum(len(task.content) + len(task.metadata_text or "") for task in tasks)
    return weight(len(tasks), letters)


def _are_apart(batches: Sequence[Batch]) -> bool:
    """Whether no task depends on one of another batch, which it must find in the graph."""
    home = {task.task_id: place for place, batch in enumerate(batches) for task in batch}
    return all(
        home.get(id_, place) == place
        for place, batch in enumerate(batches)
        for task in batch
        for id_ in task.named_tasks
    )


def _without_repeats(tasks: Sequence[NewTask], ids: dict[str, str]) -> list[NewTask]:
    """Each task of a batch once; `ids` gets the answers for those that are repeated."""
    by_id: dict[str, NewTask] = {}
    by_key: dict[str, str] = {}
    for task in tasks:
        if task.idempotency_key in by_key:
            ids[task.task_id] = by_key[task.idempotency_key]
        elif task.task_id not in by_id:
            by_id[task.task_id] = task
        elif by_id[task.task_id].fingerprint() != task.fingerprint():
            raise TaskConflictError(task.task_id)
        if task.idempotency_key:
            by_key.setdefault(task.idempotency_key, task.task_id)
    return list(by_id.values())


def _without_existing(
    tasks: Sequence[NewTask], existing: Iterable[tuple[str, str | None, str]], ids: dict[str, str]
) -> list[NewTask]:
    """The tasks that are not in the graph; `ids` gets the answers for the others."""
    by_id = {task_id: fingerprint for task_id, _, fingerprint in existing}
    by_key = {key: task_id for task_id, key, _ in existing if key}
    fresh: list[NewTask] = []
    for task in tasks:
        if task.idempotency_key in by_key:
            ids[task.task_id] = by_key[task.idempotency_key]
        elif task.task_id not in by_id:
            fresh.append(task)
        elif by_id[task.task_id] != task.fingerprint():
            raise TaskConflictError(task.task_id)
    return fresh


def refuse_currencies(given: Sequence[str], known: str | None) -> None:
    """Raise where estimates count money in more than one currency.

    Args:
        known: That of the budgets; None: there is none yet.

    Raises:
        ValidationError: they do.
    """
    if other := [it for it in given if it != (known or given[0])]:
        raise ValidationError(
            f"estimate.currency: it is {other[0]}, and this store counts money in "
            f"{known or given[0]}: give the amount in that"
        )


def refuse_names_alone(tasks: Sequence[NewTask]) -> None:
    """Raise where a task has a name and no workflow, in which it would be one.

    Raises:
        ValidationError: one has.
    """
    if named := next((it.name for it in tasks if it.name and not it.workflow_id), None):
        raise ValidationError(
            f"the name {named!r} is one of a workflow: give the task's workflow_id too, or start "
            "it with workflows.start"
        )


def refuse_cycles(tasks: Sequence[NewTask]) -> None:
    """Raise where tasks wait for each other in a circle.

    Raises:
        DependencyCycleError: they do.
    """
    own = {task.task_id for task in tasks}
    waits = {task.task_id: own.intersection(task.dependencies) for task in tasks}
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        raise DependencyCycleError(error.args[1][::-1]) from None
