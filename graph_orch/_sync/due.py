"""What the queue does by itself: it heeds times that come, and what the end of a task causes.

A task whose time has come is due (`due_at`, see docs/decisions/0004). A task that has ended is due
while tasks that wait for it are still to be cancelled or released. That is done in steps of bounded
size, each in a transaction of its own, so that where one process dies another goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from graph_orch._sync.graph import Graph
from graph_orch.domain.ids import new_hex
from graph_orch.errors import StoreQueryError
from graph_orch.logs import logger_of
from graph_orch.store.batching import in_parts
from graph_orch.store.runtime import Result

R = TypeVar("R")
BATCH = 500
"""How many tasks are looked at, cancelled or released in a transaction."""
WITHHELD_AT_ONCE = 2_000
"""How many ready tasks of a cancelled workflow, or a pause, leave the queue in a transaction."""
AGAIN_SECONDS = 10.0
"""How long after a step with the dependents of a task nobody else goes on with them."""
logger = logger_of("graph_orch.due")


class Due:
    """Looks at the tasks of one graph that are due."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def process_due(self, batches: int | None = None) -> int:
        """Look at the tasks that are due; how many there were. See `TaskQueue.process_due`.

        A task that cannot be looked at is logged, and put aside for a while; the others go on.
        """
        total = 0
        while batches is None or batches > 0:
            (row,) = self._graph.read("tasks/wake_due", limit=BATCH)
            live, broken, completed = row["live"], row["broken"], row["completed"]
            others = row["gates"] + row["workflows"] + row["pauses"]
            if not (live or broken or completed or others):
                break
            for id_ in row["gates"]:
                self._other(id_, self._gate_is_due)
            for id_ in row["workflows"]:
                self._other(id_, partial(self.cancel_workflow, steps=1))
            for key in row["pauses"]:
                self._other(key, partial(self.look_at_pause, steps=1))
            woken = self._each(self._look_at, sorted(live))
            owing = [task_id for task_id, owes in woken if owes]
            self.cancel_dependents([*owing, *broken], steps=1)
            total += len(woken) + len(broken) + len(completed[:1]) + len(others)
            for task_id in completed[:1]:
                self.release_dependents(task_id, steps=1)
            self._graph.work.tell()
            batches = None if batches is None else batches - 1
        return total

    def cancel_dependents(self, task_ids: Sequence[str], steps: int | None = None) -> None:
        """Cancel what asks to be cancelled with tasks that failed or were cancelled, and so on.

        Args:
            steps: After so many, leave what is left to whoever looks next.
        """
        left = list(task_ids)
        while left and steps != 0:
            steps = None if steps is None else steps - 1
            step = partial(self._cancel_some, 0.0 if steps == 0 else AGAIN_SECONDS)
            left = [*self._each(step, left[:BATCH]), *left[BATCH:]]

    def release_dependents(self, task_id: str, steps: int | None = None) -> None:
        """Count again what the dependents of a completed task wait for; `steps` as above."""
        is_left = True
        while is_left and steps != 0:
            steps = None if steps is None else steps - 1
            step = partial(self._release_some, 0.0 if steps == 0 else AGAIN_SECONDS)
            is_left = bool(self._each(step, [task_id]))
            self._graph.work.tell()

    def _gate_is_due(self, gate_id: str) -> None:
        self.expire_gate(gate_id)
        self.release_gate(gate_id, steps=1)

    def _other(self, id_: str, look: Callable[[str], Result[None]]) -> None:
        """Look at a gate or a workflow; where that fails, it is put aside, and others go on."""
        try:
            look(id_)
        except StoreQueryError as error:
            logger.error("%s is due, and cannot be looked at; put aside: %s", id_, error)
            self._graph.write("tasks/put_other_aside", id=id_)

    def expire_gate(self, gate_id: str) -> None:
        """Let a gate expire whose time is over."""
        self._graph.write("gates/expire", gate_id=gate_id, command_id=new_hex())

    def release_gate(self, gate_id: str, steps: int | None = None) -> None:
        """Count again what tasks wait for that wait at a decided gate; `steps` as above."""
        self._in_steps("gates/release", steps, gate_id=gate_id)

    def cancel_workflow(self, workflow_id: str, steps: int | None = None) -> None:
        """Cancel the tasks of a cancelled workflow; `steps` as above.

        Where one step does not do, those that are ready are taken out of the queue before the next,
        many at a time: until then claims have to pass them over.
        """
        after = None if steps is None else steps - 1
        if not self._step("workflows/cancel_tasks", after, workflow_id=workflow_id):
            return
        withheld = WITHHELD_AT_ONCE
        while withheld == WITHHELD_AT_ONCE:
            rows = self._graph.write(
                "workflows/withhold",
                workflow_id=workflow_id,
                limit=WITHHELD_AT_ONCE,
                command_id=new_hex(),
            )
            withheld = sum(row["number"] for row in rows) if steps is None else 0
        self._in_steps("workflows/cancel_tasks", after, workflow_id=workflow_id)

    def look_at_pause(self, key: str, steps: int | None = None) -> None:
        """Withhold ready tasks while a pause lasts, or put them back; `steps` as above."""
        number = WITHHELD_AT_ONCE
        while number == WITHHELD_AT_ONCE and steps != 0:
            steps = None if steps is None else steps - 1
            rows = self._graph.write(
                "pauses/look",
                key=key,
                limit=WITHHELD_AT_ONCE,
                again_seconds=0.0 if steps == 0 else AGAIN_SECONDS,
            )
            number = sum(row["number"] for row in rows)
            self._graph.work.tell()

    def _in_steps(self, name: str, steps: int | None, **key: str) -> None:
        """Run a statement that looks at BATCH tasks at a time until it has looked at all."""
        is_left = True
        while is_left and steps != 0:
            steps = None if steps is None else steps - 1
            is_left = self._step(name, steps, **key)

    def _step(self, name: str, after: int | None, **key: str) -> bool:
        """Run such a statement once, with `after` steps to follow; whether more is left."""
        rows = self._graph.write(
            name,
            **key,
            limit=BATCH,
            again_seconds=0.0 if after == 0 else AGAIN_SECONDS,
            command_id=new_hex(),
        )
        self.cancel_dependents([it for row in rows for it in row["owing"]], after)
        self._graph.work.tell()
        return any(row["number"] == BATCH for row in rows)

    def _look_at(self, task_ids: Sequence[str]) -> list[tuple[str, bool]]:
        rows = self._graph.write("tasks/wake", task_ids=task_ids, command_id=new_hex())
        return [(row["task_id"], row["cascade"]) for row in rows]

    def _cancel_some(self, again_seconds: float, task_ids: Sequence[str]) -> list[str]:
        (row,) = self._graph.write(
            "tasks/cancel_dependents",
            task_ids=task_ids,
            limit=BATCH,
            again_seconds=again_seconds,
            command_id=new_hex(),
        )
        return row["task_ids"]

    def _release_some(self, again_seconds: float, task_ids: Sequence[str]) -> list[str]:
        rows = self._graph.write(
            "tasks/release_dependents",
            task_id=task_ids[0],
            limit=BATCH,
            again_seconds=again_seconds,
            command_id=new_hex(),
        )
        return [task_ids[0] for row in rows if row["released"] == BATCH]

    def _each(
        self, run: Callable[[Sequence[str]], Result[list[R]]], task_ids: Sequence[str]
    ) -> list[R]:
        """Run for all tasks, or where that fails for parts; what fails alone is put aside."""

        def some(part: Sequence[str]) -> list[R | Exception]:
            try:
                return [*run(part)]
            except StoreQueryError as error:
                if len(part) > 1:
                    raise
                key, why = part[0], str(error)[:1_000]
                logger.error("task %s is due, and cannot be looked at; put aside: %s", key, error)
                self._graph.write("tasks/put_aside", task_id=key, error=why)
                return []

        found = in_parts(some, task_ids) if task_ids else []
        return [one for one in found if not isinstance(one, Exception)]
