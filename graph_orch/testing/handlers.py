"""Run a worker's handler without a store: what it asks for is kept in this process.

What a handler may do, how its errors become failures and what can be kept are the worker's own
code; only the store is another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

from pydantic import JsonValue

from graph_orch.domain.answers import refuse_answer
from graph_orch.domain.durable import Decision, Kept, Step, Waits
from graph_orch.domain.fields import JSON
from graph_orch.domain.forms import dump_json, load_json
from graph_orch.domain.lifecycle import LIVE, ErrorClass, TaskStatus, TryOutcome
from graph_orch.domain.models import Claim, Gate, GateDecision, NewTask, Task
from graph_orch.domain.models.gates import KIND_DECISIONS, GateKind, GateStatus
from graph_orch.errors import (
    DependencyNotFoundError,
    NotApproverError,
    TaskNotFoundError,
    ValidationError,
    describe,
)
from graph_orch.worker import HandOff, Worker
from graph_orch.worker.context import Job
from graph_orch.worker.durable import Durable
from graph_orch.worker.failures import Failure
from graph_orch.worker.results import UnstorableResult, storable
from graph_orch.worker.trying import ANY, ending, handler_of, try_handler


@dataclass
class _Store:
    """What the handler of one task asks of a store, held in this process."""

    task: NewTask
    attempt: int = 0
    retries: int = 0
    steps: dict[str, Step] = field(default_factory=dict[str, Step])
    gates: dict[str, Gate] = field(default_factory=dict[str, Gate])
    """By the key of the place in the handler that asks."""
    others: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """How other tasks stand: by id `status`, `result` as JSON text, `error`, `name`."""
    dependencies: list[str] = field(default_factory=list[str])
    spawned: list[NewTask] = field(default_factory=list[NewTask])
    awaits: list[str] = field(default_factory=list[str])

    def copy(self) -> _Store:
        """Another with the same content, so that one outcome can go on in several ways."""
        return replace(
            self,
            steps={**self.steps},
            gates={**self.gates},
            others={**self.others},
            spawned=[*self.spawned],
            awaits=[],
        )

    async def kept(self, task_id: str) -> Kept:
        return Kept({**self.steps})

    async def keep(self, row: dict[str, Any]) -> bool:
        self.add_step(row)
        return True

    def add_step(self, row: Mapping[str, Any]) -> None:
        """Keep a step, unless its place has one."""
        made = {"attempt": self.attempt, "at": datetime.now(UTC)}
        step = Step.stored({**row, **made, "result": load_json(row["result"])})
        self.steps.setdefault(row["key"], step)

    async def asked(self, task_id: str) -> dict[str, Gate]:
        return {**self.gates}

    async def inputs(self, task_id: str) -> dict[str, JsonValue]:
        found = [(it, self.others[it]) for it in self.dependencies]
        return {row["name"] or it: load_json(row["result"]) for it, row in found}

    async def get_dependency_results(self, task_id: str) -> dict[str, JsonValue]:
        return {it: load_json(self.others[it]["result"]) for it in self.dependencies}

    async def ended(self, task_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        for task_id in task_ids:
            if task_id not in self.others:
                raise TaskNotFoundError(task_id)
        return {it: self.others[it] for it in task_ids}

    async def settle(self, tasks: Sequence[NewTask]) -> dict[str, str]:
        known = {*self.others, self.task.task_id, *(it.task_id for it in tasks)}
        for task in tasks:
            if missing := [it for it in task.dependencies if it not in known]:
                raise DependencyNotFoundError(missing)
        return {task.task_id: task.task_id for task in tasks}

    async def reserve(self, task_id: str, attempt: int, amounts: Sequence[int]) -> None:
        """Nothing has a budget here, so nothing is refused."""

    def end(self, waits: Waits) -> None:
        """Keep what a try leaves when it is suspended or completed."""
        for row in waits.steps:
            self.add_step(row)
        for row in waits.gates:
            self.gates.setdefault(row["key"], _gate(row["gate"], row["expires_seconds"]))
        for task in waits.tasks:
            if task.task_id not in self.others:
                self.spawned.append(task)
                self.others[task.task_id] = _standing(TaskStatus.PENDING, name=task.name)
        self.awaits = [it for it in dict.fromkeys(waits.awaits) if not self.has_ended(it)]

    def has_ended(self, task_id: str) -> bool:
        return self.others[task_id]["status"] not in LIVE

    def answer(self, results: Mapping[str, object]) -> None:
        """Let other tasks end, by id or by name: with what they gave, or by an error."""
        ids = {row["name"]: it for it, row in self.others.items() if row["name"]}
        for key, given in results.items():
            task_id = key if key in self.others else ids.get(key)
            if task_id is None:
                raise ValidationError(
                    f"results: {key!r} is no task that the handler has created or depends on; "
                    f"known are {', '.join([*self.others, *ids]) or 'none'}"
                )
            self.others[task_id] = _standing(*_ended(key, given), self.others[task_id]["name"])

    def depend(self, results: Mapping[str, object]) -> None:
        """Let the task have dependencies that have ended, by id or by name."""
        for key in self.task.dependencies:
            if key not in results:
                raise ValidationError(
                    f"results: the task depends on {key!r}: give what that gave, as "
                    f"results={{{key!r}: …}}"
                )
        for key, given in results.items():
            name = None if _is_uuid(key) else key
            task_id = key if name is None else str(uuid5(UUID(self.task.task_id), key))
            self.others[task_id] = _standing(*_ended(key, given), name)
            if self.others[task_id]["status"] is TaskStatus.COMPLETED:
                self.dependencies.append(task_id)

    def decide(self, decisions: Mapping[str, object]) -> None:
        """Decide the open gates that ask these questions."""
        for question, said in decisions.items():
            asked = [it for it in self.gates.items() if it[1].question == question]
            open_ones = [it for it in asked if it[1].status is GateStatus.OPEN]
            if not open_ones:
                known = [it.question for it in self.gates.values() if it.status is GateStatus.OPEN]
                raise ValidationError(
                    f"decisions: no open gate asks {question!r}; open are {known or 'none'}"
                )
            for key, gate in open_ones:
                self.gates[key] = _decided(gate, said)

    def claim(self, worker: Worker) -> Claim:
        """The claim of the next try."""
        self.attempt += 1
        task, now = self.task, datetime.now(UTC)
        given = {name: getattr(task, name) for name in Task.model_fields if hasattr(task, name)}
        end = now + timedelta(seconds=worker.settings.lease_seconds)
        given |= {
            "requirements": [*task.requirements],
            "dependencies": [*task.dependencies],
            "independent_of": [*task.independent_of],
            "fallback_requirements": [*task.fallback_requirements] or None,
            "required_labels": [*task.required_labels] or None,
            "preferred_labels": {**task.preferred_labels} or None,
            "status": TaskStatus.RUNNING,
            "created_at": now,
            "started_at": now,
            "assigned_at": now,
            "assigned_to": worker.agent_id,
            "worker_id": worker.worker_id,
            "attempt": self.attempt,
            "retry_count": self.retries,
            "lease_expires_at": end,
        }
        return Claim.stored(
            {
                "task": Task.stored(given),
                "agent_id": worker.agent_id,
                "attempt": self.attempt,
                "lease_seconds": worker.settings.lease_seconds,
                "lease_expires_at": end,
            }
        )


@dataclass(frozen=True)
class Outcome:
    """How a try of a handler ended, and what has become of its task so far."""

    status: TryOutcome
    """completed; failed; suspended: it waits for something; released: it was handed off."""
    attempt: int
    """Which try this was, from 1."""
    result: JsonValue = None
    """What the handler returned, as it would be stored."""
    error: BaseException | None = None
    """What it raised."""
    error_message: str | None = None
    """What would be stored of the error, or the reason of a hand-off."""
    error_class: ErrorClass | None = None
    retry_after: float | None = None
    """Seconds until the next try that the error asks for."""
    is_final: bool = False
    """The task has ended: it was completed, or there would be no other try."""
    steps: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What was kept, in order: by the name of the step; the second of a name is `name#2`."""
    spawned: list[NewTask] = field(default_factory=list[NewTask])
    """The tasks that were created in this try and earlier ones."""
    seconds: float = 0.0
    """For how long the handler sleeps."""
    gates: list[Gate] = field(default_factory=list[Gate])
    """The open gates at which it waits."""
    awaits: list[str] = field(default_factory=list[str])
    """The ids of tasks for whose end it waits."""
    progress: float | None = None
    progress_message: str | None = None
    metrics: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What this try recorded."""
    store: _Store | None = field(default=None, repr=False)
    """What later tries find."""


def run_handler(
    worker: Worker,
    task: NewTask | Outcome,
    *,
    results: Mapping[str, object] | None = None,
    decisions: Mapping[str, object] | None = None,
) -> Outcome:
    """Run a worker's handler on a task until it returns, raises or waits, without a store.

        outcome = run_handler(worker, NewTask(content="bees", task_type="report"))
        assert [gate.question for gate in outcome.gates] == ["Publish it?"]
        outcome = run_handler(worker, outcome, decisions={"Publish it?": "approve"})
        assert outcome.result == {"published": True}

    With the outcome of a try that was suspended, failed or released, the next try runs: it finds
    the steps that were kept, and what it slept for is over. One outcome may go on several times,
    each time otherwise.

    Args:
        task: A task, or how its last try ended.
        results: What other tasks gave, by id or by name: what a handler may return, or
            an exception: they failed with it. For a new task they are those of its dependencies,
            else those that its handler awaits.
        decisions: What is said at gates, by their question: "approve", "reject", "expire", the
            answer that an input asks for, or a `Decision`, which can name who decided.

    Raises:
        ValidationError: the worker has no handler for the task; the task has ended; something it
            waits for has neither a result nor a decision; an answer does not fit.
    """
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        raise ValidationError(
            "run_handler() cannot be called where an event loop runs: await run_handler_async()"
        )
    return asyncio.run(run_handler_async(worker, task, results=results, decisions=decisions))


async def run_handler_async(
    worker: Worker,
    task: NewTask | Outcome,
    *,
    results: Mapping[str, object] | None = None,
    decisions: Mapping[str, object] | None = None,
) -> Outcome:
    """See `run_handler`; for where an event loop runs."""
    store = _prepared(task, results or {}, decisions or {})
    kind = store.task.task_type
    if kind not in worker.handlers and ANY not in worker.handlers:
        raise ValidationError(
            f"the worker has no handler for the task type {kind!r}; it handles "
            f"{', '.join(worker.handlers) or 'none'}"
        )
    claim = store.claim(worker)
    job = Job(claim, Durable(claim, store))
    result: JsonValue = None
    error: BaseException | None = None
    end: Failure | HandOff | None = None
    status = TryOutcome.COMPLETED
    caller = cast("asyncio.Task[Any]", asyncio.current_task())
    cancelled = caller.cancelling()
    try:
        result = await try_handler(handler_of(worker.handlers, kind), job, store)
    except BaseException as raised:  # a handler may raise anything, and its try ends with it
        if isinstance(raised, asyncio.CancelledError) and caller.cancelling() > cancelled:
            raise
        while caller.cancelling() > cancelled:  # a TaskGroup of Python 3.11 leaves its own behind
            caller.uncancel()
        error, end = raised, ending(raised)
        status = TryOutcome.SUSPENDED
    if job.durable.waits.is_waiting and end is None:  # also where it caught what was to end it
        status, result, error = TryOutcome.SUSPENDED, None, None
    if isinstance(end, HandOff):
        status = TryOutcome.RELEASED
    elif end is not None:
        status = TryOutcome.FAILED
    return _outcome(store, job, status, result, error, end)


def _prepared(
    task: NewTask | Outcome, results: Mapping[str, object], decisions: Mapping[str, object]
) -> _Store:
    """What the next try of a task finds."""
    if isinstance(task, NewTask):
        store = _Store(task)
        store.depend(results)
        store.decide(decisions)
        return store
    if task.store is None or task.is_final:
        raise ValidationError(f"the task has ended ({task.status}); there is no other try")
    store = task.store.copy()
    store.answer(results)
    store.decide(decisions)
    left = [f"the gate {it.question!r}" for it in store.gates.values() if it.status == "open"]
    left += [f"the task {it!r}" for it in task.awaits if not store.has_ended(it)]
    if left and task.status is TryOutcome.SUSPENDED:
        raise ValidationError(
            f"the task still waits for {', '.join(left)}: give decisions={{question: …}} and "
            "results={id or name: …}"
        )
    return store


def _outcome(
    store: _Store,
    job: Job,
    status: TryOutcome,
    result: JsonValue,
    error: BaseException | None,
    end: Failure | HandOff | None,
) -> Outcome:
    waits, failure = job.durable.waits, end if isinstance(end, Failure) else None
    if status in (TryOutcome.COMPLETED, TryOutcome.SUSPENDED):
        store.end(waits)
    message = failure.message if failure else str(end) if end is not None else None
    is_final = status is TryOutcome.COMPLETED
    if failure is not None:
        policy = store.task.retry_policy
        most = store.task.max_retries if policy is None else policy.max_retries
        refused = {*(policy.non_retryable if policy else ())}.intersection(failure.kinds)
        store.retries += 1
        is_final = (
            failure.error_class is ErrorClass.PERMANENT or bool(refused) or store.retries > most
        )
    is_waiting = status is TryOutcome.SUSPENDED
    progress, progress_message = job.progress
    return Outcome(
        status=status,
        attempt=store.attempt,
        result=result,
        error=error,
        error_message=message,
        error_class=failure.error_class if failure else None,
        retry_after=failure.retry_after if failure else None,
        is_final=is_final,
        steps={
            key.removeprefix("step:").removesuffix("#1"): step.result
            for key, step in store.steps.items()
            if key.startswith("step:")
        },
        spawned=[*store.spawned],
        seconds=waits.seconds if is_waiting else 0.0,
        gates=[it for it in store.gates.values() if it.status is GateStatus.OPEN]
        if is_waiting
        else [],
        awaits=[*store.awaits] if is_waiting else [],
        progress=progress,
        progress_message=progress_message,
        metrics={**cast("dict[str, JsonValue]", getattr(job, "metrics", {}))},
        store=store,
    )


def _gate(row: Mapping[str, Any], expires_seconds: float | None) -> Gate:
    now = datetime.now(UTC)
    return Gate(
        gate_id=row["gate_id"],
        kind=GateKind(row["kind"]),
        question=row["question"],
        status=GateStatus.OPEN,
        approvers=list(row["approvers"]),
        created_at=now,
        json_schema=load_json(row.get("schema")),
        expires_at=None if expires_seconds is None else now + timedelta(seconds=expires_seconds),
        default=GateStatus(row["default"]) if row.get("default") else None,
        task_ids=[],
    )


def _decided(gate: Gate, said: object) -> Gate:
    """A gate once something was said there."""
    if not isinstance(said, Decision):
        if gate.kind is GateKind.INPUT:
            said = Decision(decision="answer", payload=cast(JsonValue, said))
        else:
            said = Decision.parsed("decisions", {"decision": said})
    if said.decision == "expire":
        return gate.model_copy(update={"status": gate.default or GateStatus.EXPIRED})
    wanted = GateDecision(said.decision)
    if wanted not in KIND_DECISIONS[gate.kind]:
        raise ValidationError(
            f"decisions: the gate {gate.question!r} is of the kind {gate.kind}, and is decided by "
            f"{' or '.join(KIND_DECISIONS[gate.kind])}"
        )
    by = said.by or next(iter(gate.approvers), "somebody")
    if gate.approvers and by not in gate.approvers:
        raise NotApproverError(gate.gate_id, by, gate.approvers)
    payload = cast(JsonValue, JSON.of("decisions", said.payload))
    if wanted is GateDecision.ANSWER:
        refuse_answer(gate.json_schema, payload)
    return gate.model_copy(
        update={
            "status": wanted.status,
            "decided_by": by,
            "decided_at": datetime.now(UTC),
            "comment": said.comment,
            "payload": payload,
        }
    )


def _ended(key: str, given: object) -> tuple[TaskStatus, JsonValue, str | None]:
    if isinstance(given, BaseException):
        return TaskStatus.FAILED, None, describe(given)
    try:  # what a handler may give: models too
        return TaskStatus.COMPLETED, storable(given, f"results[{key!r}]"), None
    except UnstorableResult as error:
        raise ValidationError(str(error)) from None


def _standing(
    status: TaskStatus,
    result: JsonValue = None,
    error: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    text = None if result is None else dump_json(result)
    return {"status": status, "result": text, "error": error, "name": name}


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
