"""Doing what triggers fired for: at least once, by commands that have their effect once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pydantic import JsonValue

from graph_orch._async import pauses, workflows
from graph_orch._async.bulk import AsyncBulk
from graph_orch._async.creation import AsyncCreation, refuse_names_alone
from graph_orch._async.due import AsyncDue
from graph_orch._async.gates import AsyncGates
from graph_orch._async.graph import AsyncGraph
from graph_orch._async.once import AsyncOnce, TakenAwayError
from graph_orch._async.querying import all_records
from graph_orch._async.workflows import AsyncWorkflows
from graph_orch.domain.actions import as_text
from graph_orch.domain.cloud_events import FIRED, attributes_of, firing_id, in_json
from graph_orch.domain.fields import CONTENT, JSON, MAX_NAME, checked
from graph_orch.domain.forms import dump_json, shortened
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import NewTask, RetryPolicy, Task, TaskEvent, TaskFilters
from graph_orch.domain.models.triggers import Firing, FiringStatus, TriggerAction
from graph_orch.domain.templates import Template
from graph_orch.errors import (
    OrchestrationError,
    StoreUnreachableError,
    SubscriptionError,
    TriggerCallError,
    ValidationError,
    WebhookNotFoundError,
    WorkflowConflictError,
    WorkflowNotFoundError,
)
from graph_orch.logs import logger_of
from graph_orch.store.driving import native
from graph_orch.store.functions import FUNCTIONS, call, free
from graph_orch.store.runtime import AsyncTogether, async_apart

TAKEN_AT_ONCE = 50
TAKEN_SECONDS = 60.0
"""How long a process has for what it took, and for each step of it; then another does it."""
CALL_SECONDS = 300.0
"""How long a function may take. Then that counts as a try, and its thread is left alone."""
UNCALLED_SECONDS = 86_400.0
"""What waits for a function of which nobody calls any firing for so long fails: it would keep
`prune` from the log."""
UNCALLED = "for a day no process that has this function was running; start one, and retry: "
GIVEN_UP_AT_ONCE = 1_000
LOOK_SECONDS = 1.0
MOST_TRIES = 8
VANISHED = (
    f"begun {MOST_TRIES} times and never ended: the processes died, or took longer than a minute"
)
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 600.0
MOST_MADE = 100
MOST_TOLD = 2_000
SENT = ("trigger", "event", "recommendation")
"""What `post` sends without `data`."""
Values = dict[str, JsonValue]
logger = logger_of("graph_orch.triggers")


class AsyncActing:
    """Does what is due of what fired."""

    def __init__(
        self,
        graph: AsyncGraph,
        retry_policy: RetryPolicy,
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """Args:
        is_ending: Once it is so, no more firings are taken.
        """
        self._graph = graph
        self._is_ending = is_ending
        self._creation = AsyncCreation(graph, retry_policy)
        self._workflows = AsyncWorkflows(graph, retry_policy=retry_policy)
        self._gates = AsyncGates(graph)
        self._bulk = AsyncBulk(graph)
        self._due = AsyncDue(graph)

    async def run(self, until: float | None) -> list[Firing]:
        """Do what is due now and calls no function, but no more after a time (monotonic); the
        firings as they are."""
        return [
            *await self._give_up(),
            *await self._do_all("", TAKEN_SECONDS, TAKEN_AT_ONCE, until),
        ]

    async def call(self, until: float | None) -> list[Firing]:
        """Do what is due now and calls a function of this process, as `run` does the others.

        Each function is called beside the others, so that one that hangs keeps none of them.
        """
        ended: list[Firing] = []
        failed: list[Exception] = []

        async def do(name: str) -> int:
            try:
                ended.extend(await self._do_all(name, CALL_SECONDS + TAKEN_SECONDS, 1, until))
            except Exception as error:  # whatever it is, what others have called is noted still
                failed.append(error)
            return 0

        if free():
            async with AsyncTogether(len(FUNCTIONS)) as together:

                async def begin() -> None:
                    try:
                        for name in await self._callable():
                            together.start(name, do, name)
                    except Exception as error:  # as above
                        failed.append(error)

                await begin()
                while (over := await together.wait(LOOK_SECONDS)) is not None:
                    if not over and not self._is_over(until):
                        await begin()  # one takes long: what came for others does not wait for it
        if failed:
            raise failed[0]
        return ended

    async def _callable(self) -> list[str]:
        """The functions that can be called now, and for which something is due: a read, as one
        that hangs would have every other one asked for by a write each second."""
        if not (names := free()):
            return []
        rows = await self._graph.read("triggers/callable", functions=names, most=MOST_TRIES)
        return [row["function"] for row in rows]

    async def _do_all(
        self, function: str, seconds: float, limit: int, until: float | None
    ) -> list[Firing]:
        """Do what calls this function; '' stands for what calls none."""
        ended: list[Firing] = []
        while not self._is_ending() and (rows := await self._take(function, seconds, limit)):
            ended += await self._do(rows)
            is_stuck = function and function not in free()
            if is_stuck or self._is_over(until):
                break
        return ended

    def _is_over(self, until: float | None) -> bool:
        return self._is_ending() or (until is not None and time.monotonic() > until)

    async def _give_up(self) -> list[Firing]:
        """End what processes died of again and again, and what nobody has a function for."""
        rows = await self._graph.write(
            "triggers/give_up",
            most=MOST_TRIES,
            seconds=UNCALLED_SECONDS,
            limit=GIVEN_UP_AT_ONCE,
            vanished=VANISHED,
            uncalled=UNCALLED,
        )
        ended = [Firing.from_record(row) for row in rows]
        for it in ended:
            logger.error("%s failed: %s", it.key, it.error)
        return ended

    async def _take(self, function: str, seconds: float, limit: int) -> list[dict[str, Any]]:
        taken_by = new_hex()
        rows = await self._graph.write(
            "triggers/take",
            function=function,
            seconds=seconds,
            limit=limit,
            most=MOST_TRIES,
            command_id=taken_by,
        )
        return [native(row) | {"taken_by": taken_by} for row in rows]

    async def _do(self, rows: Sequence[Mapping[str, Any]]) -> list[Firing]:
        """Do some firings, each by itself; the tasks of all of them are created together."""
        tasks = await self._subjects(rows)
        together: dict[str, list[NewTask]] = {}
        ends: dict[str, dict[str, Any]] = {}
        for row in rows:
            key = row["firing"]["key"]
            try:
                found = self._filled(row, tasks.get(key))
                if found is None:
                    ends[key] = _stopped(row)
                elif isinstance(found, list):
                    together[key] = found
                else:
                    ends[key] = _end(row, made=await self._act(row, *found))
            except TakenAwayError as error:
                logger.warning("%s is left alone: %s", key, error)
            except OrchestrationError as error:
                ends[key] = _end(row, error)
        ends |= await self._create(rows, together)
        ended = await self._graph.write("triggers/finish", rows=[ends[key] for key in sorted(ends)])
        return [Firing.from_record(row) for row in ended]

    async def _subjects(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Task]:
        """By firing, the tasks that templates name something of; a firing that needs none has none,
        though another one on the same event may need it: what it sends may go anywhere."""
        wanted = {
            row["firing"]["key"]: row["task_id"]
            for row in rows
            if row["task_id"] and row["trigger"] and _needs_task(row["trigger"])
        }
        if not wanted:
            return {}
        (row,) = await self._graph.read("tasks/get_many", task_ids=sorted({*wanted.values()}))
        found = [Task.from_record(it) for it in await all_records(self._graph, row)]
        tasks = {task.task_id: task for task in found}
        return {key: tasks[task_id] for key, task_id in wanted.items() if task_id in tasks}

    def _filled(
        self, row: Mapping[str, Any], task: Task | None
    ) -> list[NewTask] | tuple[JsonValue, Values] | None:
        """What is to be done: tasks to be created, or what else the template says; None: nothing,
        as too many triggers stand behind it.

        Raises:
            ValidationError: the template asks for what there is not.
            TriggerCallError: it is to be done with those that call another function.
        """
        trigger = row["trigger"]
        if trigger is None:
            raise ValidationError("the trigger was removed")
        if (trigger.get("function") or "") != row["function"]:  # it was put to do another thing
            raise _OtherFunctionError("the trigger calls another function by now")
        if row["firing"]["depth"] > trigger["max_depth"]:
            return None
        values = _values(row, task)
        action = TriggerAction(trigger["action"])
        template = Template(action.value, json.loads(trigger["template"]))
        filled = checked(action.value, lambda: template.filled(values))
        if action is not TriggerAction.CREATE:
            return filled, values
        return _new_tasks(row["firing"]["key"], filled)

    async def _create(
        self, rows: Sequence[Mapping[str, Any]], together: Mapping[str, list[NewTask]]
    ) -> dict[str, dict[str, Any]]:
        """Create the tasks of several firings; where that is refused, those of each by itself."""
        by_key = {row["firing"]["key"]: row for row in rows}
        try:
            ids = iter(
                await self._creation.create([it for some in together.values() for it in some])
            )
            return {
                key: _end(by_key[key], made=[next(ids) for _ in some])
                for key, some in together.items()
            }
        except OrchestrationError as error:
            if len(together) == 1:
                return {key: _end(by_key[key], error) for key in together}
        ends: dict[str, dict[str, Any]] = {}
        for key, some in together.items():
            ends |= await self._create(rows, {key: some})
        return ends

    async def _act(self, row: Mapping[str, Any], filled: JsonValue, values: Values) -> list[str]:
        """Do what is not the creation of tasks; the ids of what it made or changed."""
        action, key = TriggerAction(row["trigger"]["action"]), row["firing"]["key"]
        by = f"trigger:{row['trigger']['name']}"[:MAX_NAME]
        if action is TriggerAction.CALL:
            await _call(row["trigger"]["function"], {"key": key, **values})
            return []
        fields = cast("dict[str, Any]", filled)
        once = AsyncOnce(self._graph, key, _work(row), row["taken_by"], TAKEN_SECONDS)
        match action:
            case TriggerAction.POST:
                return [await self._post(once, row, fields, values)]
            case TriggerAction.START_WORKFLOW:
                return [await self._start(key, fields)]
            case TriggerAction.OPEN_GATE:
                gate_id, decision = fields.pop("gate_id"), fields.pop("decision")
                return [(await self._gates.decide(gate_id, decision, by=by, **fields)).gate_id]
            case TriggerAction.PAUSE:
                params = pauses.parameters(**fields, by=by)
                await once.step("pauses/put", pauses.missing(params), **params)
                if params["kind"] != "agent":
                    await self._due.look_at_pause(params["key"])
                return [params["key"]]
            case _:
                return [await self._cancel(once, fields)]

    async def _cancel(self, once: AsyncOnce, fields: dict[str, Any]) -> str:
        """Cancel a workflow, or the tasks that pass filters; which, or how many."""
        reason = fields.pop("reason", None)
        if fields.keys() == {"workflow_id"} and isinstance(fields["workflow_id"], str):
            params = workflows.cancelling(fields["workflow_id"], reason)
            key = params["workflow_id"]
            if await once.step("workflows/cancel", WorkflowNotFoundError(key), **params):
                await self._due.cancel_workflow(key)
                self._graph.work.tell()
            return key
        why = None if reason is None else shortened(CONTENT.of("reason", reason))
        number = await self._bulk.cancel_once(_filters(fields), why, once)
        return f"{number} tasks"

    async def _post(
        self, once: AsyncOnce, row: Mapping[str, Any], fields: Mapping[str, Any], values: Values
    ) -> str:
        """Make a delivery of a webhook; its id."""
        firing = Firing.from_record({"firing": row["firing"]})
        told: JsonValue = {name: values[name] for name in SENT if name in values}
        data = cast(JsonValue, JSON.of("post.data", fields.get("data", told)))
        about = attributes_of(firing_id(firing.key), FIRED, row["task_id"], firing.at)
        name = fields["webhook"]
        try:
            await once.step(
                "webhooks/post",
                WebhookNotFoundError(name),
                subscription=name,
                event_id=about["id"],
                type="fired",
                task_id=row["task_id"],
                body=in_json(about, data),
            )
        except WebhookNotFoundError:
            if await self._graph.read("webhooks/signing", subscription=name):
                raise SubscriptionError(
                    f"webhook {name!r} is disabled; let it send again with webhooks.enable, and "
                    "retry what failed meanwhile with triggers.retry"
                ) from None
            raise
        return about["id"]

    async def _start(self, key: str, fields: Mapping[str, Any]) -> str:
        given: dict[str, Any] = {**fields, "tasks": [_texts(it) for it in fields["tasks"]]}
        try:
            found = await self._workflows.start(**given, workflow_id=key)
        except WorkflowConflictError:
            # Started by an earlier try, and what fills the template has changed since.
            found = await self._workflows.get_workflow(key)
        return found.workflow_id


async def _call(name: str, given: dict[str, JsonValue]) -> None:
    """Call a function.

    Raises:
        TriggerCallError: it raised, or has not returned in time.
    """
    try:
        await async_apart(CALL_SECONDS, call, name, given)
    except TimeoutError:
        raise TriggerCallError(
            f"{name}: has not returned within {CALL_SECONDS:g} s, and this process does not call "
            "it again before it does"
        ) from None


class _OtherFunctionError(TriggerCallError):
    """A firing is to call another function than it was taken for."""


def _work(row: Mapping[str, Any]) -> str:
    """What tells the work of a firing apart from what its trigger did before it was put again.

    What fills the template is no part of it: it may have changed since an earlier try, which would
    then have its effect twice.
    """
    text = dump_json([row["trigger"]["action"], row["trigger"]["template"]])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _needs_task(trigger: Mapping[str, Any]) -> bool:
    action = TriggerAction(trigger["action"])
    if action is TriggerAction.CALL:
        return True
    return Template(action.value, json.loads(trigger["template"])).needs("task")


def _values(row: Mapping[str, Any], task: Task | None) -> Values:
    """What the places of a template stand for."""
    firing, trigger = row["firing"], row["trigger"]
    group: list[JsonValue] = json.loads(firing.get("values") or "[]")
    values: Values = {
        "trigger": {
            "name": trigger["name"],
            "key": firing["key"],
            "position": firing["position"],
            "group": group,
        }
    }
    if row["event"] is not None:
        event = cast(Values, TaskEvent.from_record({"event": row["event"]}).model_dump(mode="json"))
        values["event"] = event | {
            "task_type": row["task_type"],
            "workflow_id": row["workflow_id"],
        }
    if task is not None:
        values["task"] = cast(Values, task.model_dump(mode="json"))
    if row["detail"] is not None:
        values["recommendation"] = json.loads(row["detail"])
    return values


def _new_tasks(key: str, filled: JsonValue) -> list[NewTask]:
    """The tasks that a filled template means, each with a key by which it is created once."""
    if not isinstance(filled, list):
        found = [NewTask.parsed("create", _texts(filled)).with_own_key(key)]
    else:
        found = [
            NewTask.parsed("create", _texts(it)).with_own_key(f"{key}/{number}")
            for number, it in enumerate(filled)
        ]
    refuse_names_alone(found)
    return found


def _texts(filled: JsonValue) -> JsonValue:
    """A task whose content may be any JSON, as a text."""
    if not isinstance(filled, dict):
        return filled
    return {name: as_text(it) if name == "content" else it for name, it in filled.items()}


def _filters(fields: Mapping[str, Any]) -> TaskFilters:
    """Filters of which each has a value: one that came to nothing would mean every task.

    Raises:
        ValidationError: one has none.
    """
    if empty := [name for name, value in fields.items() if value in (None, "", [], {})]:
        raise ValidationError(f"cancel: {', '.join(empty)}: there is no value for it")
    return TaskFilters.of(fields)


def _end(
    row: Mapping[str, Any], error: OrchestrationError | None = None, made: Sequence[str] = ()
) -> dict[str, Any]:
    """How a firing ended, for `triggers/finish`."""
    firing, trigger = row["firing"], row["trigger"]
    function = "" if trigger is None else trigger.get("function") or ""
    end: dict[str, Any] = {
        "key": firing["key"],
        "tries": firing["tries"],
        "made": list(made[:MOST_MADE]),
        "function": function,
        "error": None,
        "seconds": None,
    }
    if error is None:
        return {**end, "status": FiringStatus.DONE.value}
    if isinstance(error, _OtherFunctionError):
        return {**end, "status": FiringStatus.PENDING.value, "seconds": 0.0}
    end["error"] = shortened(str(error), MOST_TOLD)
    is_over = isinstance(error, ValidationError) or (
        firing["tries"] >= MOST_TRIES and not isinstance(error, StoreUnreachableError)
    )
    if is_over:
        logger.error("%s failed: %s", firing["key"], end["error"])
        return {**end, "status": FiringStatus.FAILED.value}
    pause = min(FIRST_PAUSE_SECONDS * 2.0 ** (firing["tries"] - 1), LONGEST_PAUSE_SECONDS)
    logger.warning("%s is tried again in %g s: %s", firing["key"], pause, end["error"])
    return {**end, "status": FiringStatus.PENDING.value, "seconds": pause}


def _stopped(row: Mapping[str, Any]) -> dict[str, Any]:
    depth, most = row["firing"]["depth"], row["trigger"]["max_depth"]
    why = (
        f"{depth - 1} triggers stand behind its event, and max_depth is {most}: triggers may make "
        "each other fire without end; see what `on` means, or raise max_depth"
    )
    logger.error("%s is stopped: %s", row["firing"]["key"], why)
    return {**_end(row), "status": FiringStatus.STOPPED.value, "error": why}
