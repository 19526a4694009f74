"""Retention: deletes finished tasks after a time, exported first where that is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from graph_orch._sync.graph import Graph, Transaction, Rows
from graph_orch.domain.fields import AGE, FINISHED, LIMIT
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import ENDED, TaskStatus
from graph_orch.domain.models import TaskRecord
from graph_orch.logs import logger_of
from graph_orch.store.batching import in_weight, weight

FIRINGS_AT_ONCE = 5_000
THE_BEGINNING = "0001-01-01T00:00:00Z"
logger = logger_of("graph_orch.retention")
Export = Callable[[dict[str, JsonValue]], None]


class Retention:
    """Deletes finished tasks by their age, in batches, each a transaction of its own."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def prune(
        self,
        older_than_seconds: float,
        *,
        statuses: Sequence[TaskStatus | str] = ENDED,
        batch: int = 500,
        export: Export | None = None,
        also_unread: bool = False,
    ) -> int:
        """Delete the tasks that finished so long ago, with their events; how many there were.

        A task stays while a task that depends on it may still run: one that is not completed, or
        that failed or was cancelled, and so may be retried, until that is deleted too. With the
        last task of a workflow goes the workflow, and with the last that waited at a gate the gate;
        a workflow without tasks goes by the age of its start, what triggers did by its end. Numbers
        that were summed up, such as an agent's, stay; counts by status are of the tasks that are
        there. The log of events loses those of the tasks, and their ids and idempotency keys are
        free again. While a subscription has not read so far, the tasks stay; the log names it.
        Deliveries of webhooks go by the age of their end, with their attempts.

        Args:
            older_than_seconds: Since `completed_at`, by the server's clock; at most 100 years.
            statuses: Which of completed, failed and cancelled.
            batch: How many tasks a transaction takes at most; fewer where they are large.
            export: Is given every task before it is deleted, as a dict that JSON can have: the
                fields of `Task`, with `tries` and `events`. One that cannot be deleted after all
                is given again another time. What it raises ends the pruning.
            also_unread: Delete tasks too of which a subscription has not read all events.

        Raises:
            ValidationError: an argument is not acceptable.
        """
        seconds = AGE.of("older_than_seconds", older_than_seconds)
        wanted = [status.value for status in FINISHED.of("statuses", statuses)]
        limit = LIMIT.of("batch", batch)
        (row,) = self._graph.read("retention/cutoff", seconds=seconds)
        behind = () if also_unread else self._graph.read("subscriptions/furthest_behind")
        read_to = behind[0]["position"] if behind else None
        total, deleted, kept = 0, 1, True
        # Again where something was kept, since what needed it may have been deleted after it.
        while deleted and kept:
            deleted, kept = self._sweep(row["cutoff"], wanted, limit, export, read_to)
            total += deleted
        if kept and behind:
            logger.warning(
                "tasks may have been kept, since subscription %s has read up to position %d only; "
                "acknowledge its events, remove it, or prune what is unread too",
                behind[0]["name"],
                read_to,
            )
        self._delete_empty_workflows(row["cutoff"], limit)
        self._forget_deliveries(row["cutoff"], limit)
        self._delete_firings(row["cutoff"])
        return total

    def _forget_deliveries(self, cutoff: str, limit: int) -> None:
        for webhook in self._graph.read("webhooks/list", subscription=None):
            params = {"subscription": webhook["webhook"]["name"], "cutoff": cutoff, "limit": limit}
            while (self._graph.write("webhooks/forget", **params))[0]["number"] >= limit:
                pass

    def _delete_firings(self, cutoff: str) -> None:
        number = FIRINGS_AT_ONCE
        while number == FIRINGS_AT_ONCE:
            (row,) = self._graph.write(
                "retention/firings", cutoff=cutoff, limit=FIRINGS_AT_ONCE
            )
            number = row["number"]

    def _delete_empty_workflows(self, cutoff: str, limit: int) -> None:
        place: str | None = THE_BEGINNING
        while place is not None:
            (row,) = self._graph.write(
                "retention/empty_workflows", after=place, cutoff=cutoff, limit=limit
            )
            place = row["place"]

    def _sweep(
        self,
        cutoff: str,
        statuses: list[str],
        limit: int,
        export: Export | None,
        read_to: int | None,
    ) -> tuple[int, bool]:
        """Look at every task that is old enough once: how many were deleted, and if any was not."""
        deleted, looked_at = 0, 0
        place = {"place_at": cutoff, "place_id": ""}
        while True:
            found = self._graph.read(
                "retention/find", statuses=statuses, limit=limit, read_to=read_to, **place
            )
            looked_at += len(found)
            for part, _ in in_weight(found, lambda it: weight(1 + it["events"], it["letters"])):
                deleted += self._delete(part, export)
            if len(found) < limit:
                return deleted, deleted < looked_at
            place = {"place_at": found[-1]["finished_at"], "place_id": found[-1]["task_id"]}

    def _delete(self, found: Rows, export: Export | None) -> int:
        free = _not_needed(found)
        rows = [
            {"task_id": row["task_id"], "events": row["events"]}
            for row in found
            if row["task_id"] in free
        ]
        if not rows:
            return 0
        if export is not None:
            for row in self._graph.read("retention/records", task_ids=sorted(free)):
                if row["task"]:  # else another process deleted it just now, and exported it
                    export(TaskRecord.from_record(row).model_dump(mode="json"))
        return self._graph.transaction(_delete, rows)


def _delete(tx: Transaction, rows: list[dict[str, Any]]) -> int:
    in_order = sorted(rows, key=lambda row: row["task_id"])
    locked = tx.run("retention/lock", rows=in_order, command_id=new_hex())
    (row,) = tx.run("retention/delete", task_ids=sorted(_not_needed(locked)))
    return row["deleted"]


def _not_needed(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """The ids of the tasks that no task needs, or only others of these."""
    free = {row["task_id"] for row in rows if not row.get("is_unread")}
    while True:
        needed = {row["task_id"] for row in rows if not free.issuperset(row["needed_by"])}
        if free.isdisjoint(needed):
            return free
        free -= needed
