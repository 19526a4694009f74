"""Cancelling and retrying every task that passes filters, in steps of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Collection, Mapping
from typing import Any

from graph_orch._sync.due import Due
from graph_orch._sync.graph import Graph
from graph_orch._sync.once import END, Once
from graph_orch._sync.querying import Querying, parameters
from graph_orch.domain.forms import dump_json
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import Command, TaskStatus, allowed_from
from graph_orch.domain.models import TaskFilters
from graph_orch.errors import ValidationError

AT_ONCE = 500
"""How many tasks a transaction changes."""
NEVER_CHANGE = {"limit", "created_from", "created_before"}
"""What need not be looked at again when a task is locked."""


class Bulk:
    """Changes the tasks of one graph that pass filters.

    A step finds tasks without locks, and changes those that still pass the filters when they are
    locked: one that was claimed since is not cancelled where only pending ones were meant. Where
    the caller dies, calling again goes on, as what was changed does not pass the filters any more.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._due = Due(graph)
        self._querying = Querying(graph)

    def cancel(self, filters: TaskFilters, reason: str | None = None) -> int:
        """Cancel the live ones of these tasks; how many that were."""
        total = 0
        for task_ids, rechecked in self._found(Command.CANCEL, filters):
            params = _cancelling(task_ids, rechecked, reason)
            (row,) = self._graph.write("tasks/cancel_many", **params)
            total += row["number"]
            self._follow_up(row)
        return total

    def cancel_once(self, filters: TaskFilters, reason: str | None, once: Once) -> int:
        """The same as the steps of a firing; how many its steps have cancelled.

        A page that was cancelled is not looked at again: somebody may have retried its tasks.
        """
        wanted, rechecked = _asked(Command.CANCEL, filters)
        while once.place != END:
            task_ids, after = self._querying.ids(wanted, AT_ONCE, once.place or None)
            params = _cancelling(task_ids, rechecked, reason)
            for row in once.step("tasks/cancel_many", None, to=after or END, **params):
                self._follow_up(row)
        return once.changed

    def _follow_up(self, row: Mapping[str, Any]) -> None:
        """Tell who waits for these tasks, and cancel what is to be cancelled with them."""
        self._graph.work.tell(*((*one, TaskStatus.CANCELLED) for one in row["ended"]))
        self._due.cancel_dependents(row["owing"])

    def retry(self, filters: TaskFilters, *, from_start: bool = False) -> int:
        """Let the failed and cancelled ones of these tasks begin again; how many that were."""
        total = 0
        for task_ids, rechecked in self._found(Command.RETRY, filters):
            (row,) = self._graph.write(
                "tasks/retry_many",
                task_ids=task_ids,
                from_start=from_start,
                command_id=new_hex(),
                **rechecked,
            )
            total += row["number"]
            self._graph.work.tell()
        return total

    def count(self, command: Command, filters: TaskFilters) -> int:
        """How many tasks such a call would look at now."""
        total = 0
        for task_ids, _ in self._found(command, filters):
            total += len(task_ids)
        return total

    def _found(
        self, command: Command, filters: TaskFilters
    ) -> Iterator[tuple[list[str], dict[str, Any]]]:
        """The ids of the tasks that pass the filters, oldest first and so many at a time, and the
        filters as the statements take them."""
        wanted, rechecked = _asked(command, filters)
        after: str | None = None
        while True:
            task_ids, after = self._querying.ids(wanted, AT_ONCE, after)
            if task_ids:
                yield task_ids, rechecked
            if after is None:
                return


def _asked(command: Command, filters: TaskFilters) -> tuple[TaskFilters, dict[str, Any]]:
    """What is looked for, and what is looked at again when a task is locked."""
    wanted = _meant(command, filters, allowed_from(command))
    known = parameters(wanted, AT_ONCE, None)
    return wanted, {name: known[name] for name in known.keys() - NEVER_CHANGE}


def _cancelling(
    task_ids: list[str], rechecked: dict[str, Any], reason: str | None
) -> dict[str, Any]:
    """The parameters of `tasks/cancel_many`."""
    detail = None if reason is None else dump_json({"reason": reason})
    told = {"reason": reason, "detail": detail, "command_id": new_hex()}
    return {"task_ids": task_ids, **told, **rechecked}


def _meant(command: Command, filters: TaskFilters, statuses: Collection[TaskStatus]) -> TaskFilters:
    """The filters, with the statuses from which the command is allowed.

    Raises:
        ValidationError: no filter is given, or only other statuses are.
    """
    allowed = ", ".join(statuses)
    if not filters.model_dump(exclude_defaults=True):
        raise ValidationError(
            f"{command}_tasks: no filter is given, and every task would be meant; if that is so, "
            f"give their statuses: {allowed}"
        )
    some = [it for it in filters.status or statuses if it in statuses]
    if not some:
        given = ", ".join(filters.status)
        raise ValidationError(
            f"{command}_tasks: status: {given} is asked for; only tasks that are {allowed} can be"
        )
    return filters.model_copy(update={"status": tuple(some)})
