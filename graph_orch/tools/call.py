"""The context of a call of a tool, and the limit of its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graph_orch._async.orchestrator import AsyncOrchestrator
from graph_orch.domain.fields import NAME, TASK_ID
from graph_orch.domain.models import Right
from graph_orch.errors import NotAllowedError, ValidationError
from graph_orch.tools.parameters import LONGEST_WAIT_SECONDS

T = TypeVar("T")
LONGEST_CALL_SECONDS = LONGEST_WAIT_SECONDS + 60.0
"""The longest wait, and a minute for the store."""

Report = Callable[[float, float, str], Awaitable[None]]
"""Reports the progress of a long wait: seconds passed, seconds in all, what it waits for."""


async def no_report(passed: float, total: float, message: str) -> None:
    """Report nothing."""


Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any] | None]]
"""Asks the caller's user a question, with the JSON schema of a form for the answer, in which no
value is nested; the answer is None where the user gives none."""


async def ask_nobody(question: str, form: dict[str, Any]) -> dict[str, Any] | None:
    """Refuse, where nobody can be asked."""
    raise ValidationError(
        "decide_gate: decision is needed, since no user can be asked here: "
        f"{', '.join(form['properties'])}"
    )


WhyNot = Callable[[str], str | None]
"""Why the caller may not use an operation of the table of rights; None if it may."""


def administrator(operation: str) -> None:
    """Allow everything."""


@dataclass(frozen=True)
class Caller:
    """Who calls: a person or an agent, and what it may do.

    Args:
        name: The name under which it decides and creates.
        rights: What it may do, all of it named.
        agent_id: The agent that it acts as, and no other; None: it administers, or does no work.
        is_known: Whether it proved who it is, by a token of its own. Whoever calls without one may
            be anybody on the machine, a language model too.
        has_store: Whether it has the store itself, and so may do all, in whose name it says.
    """

    name: str = "administrator"
    rights: frozenset[Right] = field(default=frozenset(Right), kw_only=True)
    agent_id: str | None = field(default=None, kw_only=True)
    is_known: bool = field(default=False, kw_only=True)
    has_store: bool = field(default=False, kw_only=True)

    def require(self, right: Right, what: str) -> None:
        """Check a right, for something that is told as in "cancelling a task".

        Raises:
            NotAllowedError: it has not the right.
        """
        if right not in self.rights:
            raise NotAllowedError(
                f"{what} needs the right {right}, which the token of {self.name!r} does not have"
            )

    def acting_as(self, agent_id: str | None) -> str | None:
        """The agent that it acts as: the one that is asked for, or its own where none is.

        Raises:
            NotAllowedError: it acts as another agent than the one that is asked for.
        """
        if self.agent_id is None or agent_id is None:
            return self.agent_id or agent_id
        if NAME.of("agent_id", agent_id) != self.agent_id:
            raise NotAllowedError(
                f"the token of {self.name!r} acts as agent {self.agent_id!r} and as no other; "
                "leave agent_id out"
            )
        return self.agent_id

    def deciding_as(self, by: str | None) -> str:
        """The name under which it decides: its own, or as it says where it has the store.

        Without a token it is no approver, whatever it says: anybody on the machine could say that.

        Raises:
            NotAllowedError: it may not decide, or says that it is somebody else.
        """
        self.require(Right.DECIDE, "deciding a gate")
        if self.has_store:
            return by or self.name
        if by not in (None, self.name):
            raise NotAllowedError(
                f"{self.name!r} decides as {self.name!r} and as nobody else; leave by out, and "
                "bring the token of whom you are"
            )
        return self.name

    async def own_attempt(
        self, orch: AsyncOrchestrator, task_id: str, attempt: int | None
    ) -> int | None:
        """The try of a task that its command is for, which must be one of its own agent.

        The agent of a try never changes, and a command is refused whose try is not the current
        one: so a task that is given to another agent meanwhile is not touched.

        Raises:
            NotAllowedError: the try is another agent's, or there is none.
        """
        if self.agent_id is None:
            return attempt
        tries = await orch.tasks.get_tries(TASK_ID.of("task_id", task_id))
        for one in reversed(tries):
            if attempt in (None, one.attempt):
                if one.agent_id == self.agent_id:
                    return one.attempt
                break
        else:
            await orch.tasks.get_task(task_id)  # which says so where there is no such task
        raise NotAllowedError(
            f"task {task_id!r} is not held by agent {self.agent_id!r}, as whom the token of "
            f"{self.name!r} acts; take a task with orchestration_poll_tasks claim=true"
        )


@dataclass(frozen=True)
class Call:
    """The context of a call: the services, how to report progress, who calls with what rights."""

    orch: AsyncOrchestrator
    report: Report = no_report
    why_not: WhyNot = administrator
    caller: Caller = Caller()
    ask: Ask = ask_nobody


_abandoned: set[asyncio.Task[Any]] = set()
"""Cancelled calls that still run; the event loop keeps only weak references to its tasks."""


async def within(seconds: float, call: Coroutine[Any, Any, T]) -> T:
    """The answer of a call, unlike `asyncio.timeout` also if the call ignores its cancellation.

    Raises:
        TimeoutError: the call takes longer. It is cancelled, and nobody waits for its end.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            _abandoned.add(task)
            task.add_done_callback(_forget)
    if not task.done():
        raise TimeoutError
    return task.result()


def _forget(task: asyncio.Task[Any]) -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()  # retrieved, so that asyncio does not log it as never retrieved
