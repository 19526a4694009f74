"""What a worker reports of a failed try, whatever its handler raised."""

from __future__ import annotations

import asyncio
import logging
import math
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from graph_orch.domain.characters import without_passwords
from graph_orch.domain.durable import Decision
from graph_orch.domain.fields import MAX_NAME
from graph_orch.domain.forms import MOST_TOLD, shortened
from graph_orch.domain.lifecycle import ErrorClass
from graph_orch.domain.models import Task
from graph_orch.errors import BudgetExhaustedError, describe, text_of
from graph_orch.logs import logger_of

MOST_TRACEBACK = 8_000
MOST_KINDS = 50
LONGEST_DELAY = 31_536_000.0
logger = logger_of("graph_orch.worker")


class TaskFailure(Exception):
    """Raised by a handler to say how the task failed, and so what follows.

    A value that is not acceptable is put right and logged, so that it does not hide the failure.

    Args:
        error_class: "transient", "permanent", "capability" or "budget", see `fail_task`; another
            word counts as "transient".
        retry_after: Seconds until the next try, at most a year; less than 0 is 0.
        exclude_agent: Do not give the task to this agent again.

    A subclass may set these as attributes of the class, for all that it says.
    """

    error_class: ErrorClass | str = ErrorClass.TRANSIENT
    retry_after: float | None = None
    exclude_agent: bool = False

    def __init__(
        self,
        message: object = "",
        error_class: ErrorClass | str | None = None,
        *,
        retry_after: float | None = None,
        exclude_agent: bool | None = None,
    ) -> None:
        super().__init__(message)
        if error_class is not None:
            self.error_class = _class_of(error_class)
        if retry_after is not None:
            self.retry_after = _delay_of(retry_after)
        if exclude_agent is not None:
            self.exclude_agent = bool(exclude_agent)


class HandOff(Exception):
    """Raised by a handler to leave its task to another agent: no retry is spent, nobody failed.

    The task goes back to the queue, and is not given to this agent again, until `retry_task`.
    """

    def __init__(self, reason: object = "") -> None:
        super().__init__(reason)


class GatherFailed(TaskFailure):
    """A task whose result a handler gathers has failed, or was cancelled.

    Where the handler lets it through, its own task fails for good: another try would end so too.
    """

    error_class = ErrorClass.PERMANENT

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        """What is said of each task that did not complete, by its id."""
        first = next(iter(errors))
        more = f", and {len(errors) - 1} more did not complete" if len(errors) > 1 else ""
        super().__init__(f"gather: task {first!r} {errors[first]}{more}")


class InputRefused(TaskFailure):
    """Nobody answered what a handler asked: it was rejected, or nobody did in time.

    Where the handler lets it through, its task fails for good.
    """

    error_class = ErrorClass.PERMANENT

    def __init__(self, question: str, decision: Decision) -> None:
        self.decision = decision
        said = "nobody answered in time" if decision.decision == "expire" else "it was rejected"
        by = f" by {decision.by!r}" if decision.by else ""
        comment = f": {decision.comment}" if decision.comment else ""
        super().__init__(f"input {shortened(question, 200)!r}: {said}{by}{comment}")


@dataclass(frozen=True)
class Failure:
    """A try that failed, in values that the store takes."""

    message: str
    error_class: ErrorClass
    kinds: list[str]
    retry_after: float | None
    exclude_agent: bool
    traceback: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """What is reported of an error that a handler raised.

        In a group of errors the first TaskFailure says what follows, and the kinds of all count.
        """
        try:
            found = [*leaves(error)]
            told = next((it for it in found if isinstance(it, TaskFailure)), TaskFailure())
            if any(isinstance(it, BudgetExhaustedError) for it in found):
                told = TaskFailure(error_class=ErrorClass.BUDGET)
            kinds = dict.fromkeys(kind for one in (error, *found) for kind in _kinds(type(one)))
            return cls(
                message=_message(error),
                error_class=_class_of(told.error_class),
                kinds=[*kinds][:MOST_KINDS],
                retry_after=_delay_of(told.retry_after),
                exclude_agent=bool(told.exclude_agent),
                traceback=storable_text(_traceback(error), MOST_TRACEBACK),
            )
        except BaseException as broken:  # an error's own code may raise anything when it is asked
            logger.warning("an error cannot say what it is: %s", type(broken))
            untold = f"an error that cannot say what it is: asked, it raised {type(broken)!s:.200}"
            return cls(storable_text(untold, MOST_TOLD), ErrorClass.TRANSIENT, [], None, False, "")

    def log(self, error: BaseException, task: Task, attempt: int) -> None:
        """Write it, with its traceback, to the log of the task's type."""
        log = logger_of(f"graph_orch.task.{task.task_type}")
        if not log.isEnabledFor(logging.WARNING):
            return
        said = (task.task_id, attempt, self.message)
        record = log.makeRecord(
            log.name,
            logging.WARNING,
            __file__,
            0,
            "task %s: attempt %d failed: %s",
            said,
            (type(error), error, error.__traceback__),
            extra={"task_id": task.task_id, "attempt": attempt},
        )
        # What formatters show of the error: theirs would show passwords, and has no bound.
        record.exc_text = self.traceback
        log.handle(record)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors of a group, and of groups in it; an error by itself."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for one in cast(BaseExceptionGroup[BaseException], error).exceptions:
        yield from leaves(one)


def storable_text(text: str, most: int) -> str:
    """Text as it may be stored and shown: no half surrogates or passwords in URIs, not too long."""
    return without_passwords(shortened(text, most).encode(errors="replace").decode())


def number_of(value: object) -> float | None:
    """What a handler gave as a number, however it wrote it; None where it is none."""
    try:
        number = float(cast(float, value))
    except Exception:  # foreign code says how it becomes a number, and no work fails for that
        return None
    return None if math.isnan(number) else number


def _message(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        said = (
            "CancelledError: the handler awaited something that was cancelled, or cancelled itself"
        )
    elif isinstance(error, TaskFailure):
        said = text_of(error)
    else:
        said = describe(error)
    return storable_text(said, MOST_TOLD).strip() or type(error).__name__


def _kinds(kind: type[BaseException]) -> list[str]:
    """The names of an error's classes, those that can be stored: `non_retryable` may name them."""
    names = (storable_text(it.__name__, MAX_NAME)[:MAX_NAME].strip() for it in kind.__mro__[:-1])
    return [name for name in names if name][:MOST_KINDS]


def _traceback(error: BaseException) -> str:
    """As Python shows it: lines of code, and no values of variables."""
    try:
        return "".join(traceback.format_exception(error)).rstrip()
    except Exception as broken:  # an error may hold what its traceback cannot be made of
        return f"no traceback could be made: {describe(broken)}"


def _class_of(given: ErrorClass | str) -> ErrorClass:
    try:
        return ErrorClass(given)
    except ValueError:
        known = ", ".join(ErrorClass)
        logger.warning("error_class %.200r is taken as transient; known are %s", given, known)
        return ErrorClass.TRANSIENT


def _delay_of(given: float | None) -> float | None:
    if given is None:
        return None
    seconds = number_of(given)
    if seconds is None or not 0 <= seconds <= LONGEST_DELAY:
        logger.warning("retry_after %.200r is no number of seconds from 0 to a year", given)
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_DELAY)
