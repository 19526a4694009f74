"""What a handler does durably: steps that run once, and waits that hold no slot.

The handler of a task that waits ends, and when nothing holds the task any more, its handler runs
from its top again. What it did before is kept, so that it comes to the same place.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Protocol, cast

from pydantic import JsonValue

from graph_orch._async.gates import new_gate
from graph_orch._async.workflows import tasks_of
from graph_orch.domain.durable import Decision, Kept, Waits, spawned
from graph_orch.domain.fields import LIST, MAX_BATCH, NEW_NAME, SECONDS, TASK_IDS
from graph_orch.domain.forms import dump_json, load_json, shortened
from graph_orch.domain.lifecycle import LIVE, TaskStatus
from graph_orch.domain.models import Claim, Gate, GateDecision, GateKind, NewTask
from graph_orch.domain.models.budgets import Budget
from graph_orch.errors import StoreUnreachableError, ValidationError
from graph_orch.logs import logger_of
from graph_orch.worker.failures import GatherFailed, InputRefused, TaskFailure
from graph_orch.worker.results import storable

PAUSE_SECONDS = 1.0
"""How long to wait when the server is away, before a step is kept."""
logger = logger_of("graph_orch.worker")
_step_at_work: ContextVar[str | None] = ContextVar("step_at_work", default=None)
"""The key of the step whose function is being run."""


class TryEnded(BaseException):
    """The try of a handler is over: it waits for something, or nobody wants its result any more.

    It is no Exception, so that `except Exception` in a handler lets it through.
    """


class Store(Protocol):
    """What is asked of the store; `AsyncHandling` is that of a graph."""

    async def kept(self, task_id: str) -> Kept: ...
    async def keep(self, row: dict[str, Any]) -> bool: ...
    async def asked(self, task_id: str) -> dict[str, Gate]: ...
    async def inputs(self, task_id: str) -> dict[str, JsonValue]: ...
    async def ended(self, task_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]: ...
    async def settle(self, tasks: Sequence[NewTask]) -> dict[str, str]: ...
    async def reserve(self, task_id: str, attempt: int, amounts: Sequence[int]) -> None: ...


class Durable:
    """What one try of a handler has kept, and asks for."""

    def __init__(self, claim: Claim, store: Store) -> None:
        self._claim = claim
        self._store = store
        self.waits = Waits()
        self.used: Callable[[], list[int] | None] = lambda: None
        """What the try has used so far, see `used_of`; it is told with each step that is kept."""
        self.is_over = False
        """Nobody wants the result of this try any more."""
        self._ordinals: dict[str, itertools.count[int]] = {}
        is_first = claim.attempt == 1  # so nothing was kept or asked before
        self._kept: Kept | None = Kept() if is_first else None
        self._asked: dict[str, Gate] | None = {} if is_first else None
        self._reading = asyncio.Lock()
        self._running = 0
        self._idle = asyncio.Event()

    def key(self, kind: str, name: str = "") -> str:
        """The key of the next place of this kind and name in the handler.

        Places are told apart by the order in which a handler comes to them, so a handler must come
        to them in the same order each time.

        Raises:
            ValidationError: it is in the function of a step.
        """
        self.refuse_in_step(kind)
        called = f"{kind}:{name}" if name else kind
        return f"{called}#{next(self._ordinals.setdefault(called, itertools.count(1)))}"

    def refuse_in_step(self, kind: str) -> None:
        """Raise where it is called in the function of a step.

        A step that was kept is not run again, so that what is in it would not be come to.

        Raises:
            ValidationError: it is.
        """
        if (step := _step_at_work.get()) is not None:
            raise ValidationError(
                f"{kind}: it is called within {step!r}, which a later try does not run again; call "
                "it in the handler, before or after that step"
            )

    async def look(self, key: str, *, runs: bool = True) -> tuple[bool, JsonValue]:
        """Whether a step was kept, and what it gave.

        Args:
            runs: Whether something would be run where it was not kept: nothing is, once the
                handler waits. Waits that begin side by side are asked for together.

        Raises:
            TryEnded: the try is over.
        """
        if self.is_over or (runs and self.waits.is_waiting):
            raise TryEnded
        step = (await self._all()).steps.get(key)
        return step is not None, None if step is None else step.result

    async def _all(self) -> Kept:
        async with self._reading:
            if self._kept is None:
                self._kept = await self._store.kept(self._claim.task_id)
            return self._kept

    @contextlib.asynccontextmanager
    async def running(self, key: str) -> AsyncGenerator[None]:
        """While a step runs: the try does not end before it was kept."""
        self._running += 1
        try:
            with at_step(key):
                yield
        finally:
            self._running -= 1
            self._idle.set()

    async def settled(self) -> None:
        """Wait for steps that the handler left running, as where one of several waits began."""
        while self._running:
            self._idle.clear()
            await self._idle.wait()

    async def keep(self, key: str, value: object, began: float) -> JsonValue:
        """Keep what a step gave, as JSON, and give that back.

        Args:
            began: When the step began, by `time.perf_counter`.

        Raises:
            UnstorableResult: it has no form as JSON, or takes more than 1 MB.
            TryEnded: the try is over, so nothing was kept.
        """
        result = storable(value, f"the result of step {key!r}")
        row = {
            "task_id": self._claim.task_id,
            "attempt": self._claim.attempt,
            "key": key,
            "result": dump_json(result),
            "duration_ms": (time.perf_counter() - began) * 1_000,
            "used": self.used(),
        }
        while True:
            try:
                if not await self._store.keep(row):
                    self.is_over = True
                    raise TryEnded
                return result
            except StoreUnreachableError as error:  # what was paid for is not thrown away
                if self.is_over:
                    raise TryEnded from None
                logger.warning("step %s is not kept yet, will try again: %s", key, error)
                await asyncio.sleep(PAUSE_SECONDS)

    def _wait(self) -> TryEnded:
        self.waits.is_waiting = True
        return TryEnded()

    async def sleep(self, key: str, seconds: float) -> None:
        """See `Context.sleep`."""
        length = SECONDS.of("seconds", seconds) or 0.0
        is_over, _ = await self.look(key, runs=False)
        if not is_over and length > 0:
            # All that one suspension asks for is waited for, so the longest sleep counts.
            self.waits.seconds = max(self.waits.seconds, length)
            self.waits.steps.append(_mark(key))
            raise self._wait()

    async def ask(
        self,
        key: str,
        kind: GateKind,
        question: str,
        approvers: Sequence[str],
        schema: Mapping[str, JsonValue] | None,
        expires_seconds: float | None,
        default: GateDecision | str | None,
    ) -> Decision:
        """What was decided at the gate of a place in the handler.

        Raises:
            TryEnded: nobody has decided yet.
            TaskFailure: something else was asked at this place: what was decided then is no answer
                to this.
        """
        if self.is_over:
            raise TryEnded
        async with self._reading:  # what was asked is decided before the task is given out again
            if self._asked is None:
                self._asked = await self._store.asked(self._claim.task_id)
        gate, seconds = new_gate(question, kind, approvers, schema, expires_seconds, default)
        if key not in self._asked:
            self.waits.gates.append({"key": key, "gate": gate, "expires_seconds": seconds})
            raise self._wait()
        before = self._asked[key]
        if before.question != gate["question"]:
            raise TaskFailure(
                f"{key}: an earlier try asked {shortened(before.question, 200)!r} here, and this "
                f"one asks {shortened(question, 200)!r}: a handler must ask the same in the same "
                "order; keep in a step what a question depends on",
                "permanent",
            )
        decision = Decision.at(before)
        if decision is None:
            raise self._wait()
        return decision

    async def input(
        self,
        key: str,
        question: str,
        schema: Mapping[str, JsonValue] | None,
        approvers: Sequence[str],
        expires_seconds: float | None,
    ) -> JsonValue:
        """See `Context.input`."""
        decision = await self.ask(
            key, GateKind.INPUT, question, approvers, schema, expires_seconds, None
        )
        if decision.decision != "answer":
            raise InputRefused(question, decision)
        return decision.payload

    async def gather(self, task_ids: Iterable[str], *, allow_failed: bool) -> dict[str, JsonValue]:
        """See `Context.gather`."""
        self.refuse_in_step("gather")
        ids = [*dict.fromkeys(TASK_IDS.of("task_ids", task_ids))]
        if self.is_over:
            raise TryEnded
        new = {task.task_id for task in self.waits.tasks}
        found = await self._store.ended([it for it in ids if it not in new])
        live = [it for it in ids if it in new or found[it]["status"] in LIVE]
        if live:
            self.waits.awaits += live
            raise self._wait()
        failed = {
            it: f"{found[it]['status']}: {found[it]['error']}"
            for it in ids
            if found[it]["status"] != TaskStatus.COMPLETED
        }
        if failed and not allow_failed:
            raise GatherFailed(failed)
        return {it: load_json(found[it]["result"]) for it in ids if it not in failed}

    async def spawn(
        self, key: str, tasks: Iterable[NewTask | Mapping[str, Any]], before: Iterable[str]
    ) -> list[str]:
        """See `Context.spawn`."""
        given = LIST.of("tasks", tasks)
        waiting = dict.fromkeys(TASK_IDS.of("before", before))
        is_done, ids = await self.look(key, runs=False)
        if is_done:
            return cast(list[str], ids)
        own = [
            "task_id" in one.model_fields_set
            if isinstance(one, NewTask)
            else isinstance(one, Mapping) and "task_id" in one
            for one in given
        ]
        parent = self._claim.task
        parsed = tasks_of(given, parent.workflow_id, "spawn")
        place = f"{(await self._all()).restarts}/{key}"
        batch = spawned(parent.task_id, place, parsed, own)
        if len(batch) + len(self.waits.tasks) > MAX_BATCH:
            raise ValidationError(
                f"spawn: more than {MAX_BATCH:,} tasks are created by one try; let a task that "
                "it creates create some of them"
            )
        new = {task.task_id for task in self.waits.tasks}
        leans = any(task.idempotency_key or not new.isdisjoint(task.dependencies) for task in batch)
        settled = await self._store.settle([*(self.waits.tasks if leans else ()), *batch])
        made = [settled[task.task_id] for task in batch]
        self.waits.tasks += batch
        for one in waiting:
            self.waits.before.setdefault(one, []).extend(task.task_id for task in batch)
        self.waits.steps.append(_mark(key, cast(JsonValue, made)))
        return made

    async def reserve(self, tokens: int, cost: Decimal | float | str) -> None:
        """See `Context.reserve`."""
        amounts = Budget(tokens=tokens, cost=cost).amounts([0] * 4)
        await self._store.reserve(self._claim.task_id, self._claim.attempt, amounts)

    async def inputs(self) -> dict[str, JsonValue]:
        """See `Context.inputs`."""
        return await self._store.inputs(self._claim.task_id)


@contextlib.contextmanager
def at_step(key: str) -> Generator[None]:
    """While the function of a step runs, in this thread or task."""
    token = _step_at_work.set(key)
    try:
        yield
    finally:
        _step_at_work.reset(token)


def name_of(name: str) -> str:
    """The name of a step, checked.

    Raises:
        ValidationError: it is not acceptable.
    """
    return NEW_NAME.of("name", name)


def _mark(key: str, result: JsonValue = None) -> dict[str, Any]:
    """A step that is kept together with the end of its try."""
    return {"key": key, "result": None if result is None else dump_json(result), "duration_ms": 0.0}
