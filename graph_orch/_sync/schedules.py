"""Recurring work: tasks from cron expressions, one for each tick, with any number of schedulers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from graph_orch._sync.creation import add_lanes, insert, insertion
from graph_orch._sync.graph import AlreadyAppliedError, Graph, Transaction
from graph_orch.domain.cron import Cron
from graph_orch.domain.fields import LIMIT, MAX_NAME, NAME, NEW_NAME
from graph_orch.domain.forms import dump_json
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import ONCE_ONLY, NewTask, RetryPolicy, Schedule
from graph_orch.errors import ValidationError
from graph_orch.store.driving import native

UNLINKED_AT_ONCE = 10_000


class Schedules:
    """Schedules by name. `tick` creates the tasks that are due; any process may call it, any time.

    One transaction creates a task and moves the schedule to its next tick, and the server's clock
    says what is due. So a tick has one task, however many processes call `tick` or die in it. Where
    nobody calls it for a while, only the latest of the missed ticks gets its task.
    """

    def __init__(self, graph: Graph, *, retry_policy: RetryPolicy | None = None) -> None:
        """Schedules in a graph.

        Args:
            retry_policy: For the tasks that are created here without one of their own.
        """
        self._graph = graph
        self._retry_policy = retry_policy or RetryPolicy()

    def put(
        self,
        name: str,
        cron: str,
        task: NewTask | Mapping[str, Any],
        *,
        timezone: str = "UTC",
        paused: bool = False,
    ) -> Schedule:
        """Create a schedule, or replace the one of this name.

        One that is put with the cron expression and the timezone that it has keeps its next tick.

        Args:
            cron: Five fields (minute, hour, day of the month, month, day of the week), or six
                with the second first.
            task: What to create at each tick: the arguments of `create_task`, but for task_id,
                idempotency_key, dependencies and available_at.
            timezone: By whose clocks: a name such as "Europe/Berlin".
            paused: It does not tick. Ticks that it misses are not made up for.

        Raises:
            ValidationError: an argument is not acceptable.
        """
        cron, timezone = NAME.of("cron", cron), NAME.of("timezone", timezone)
        times = Cron.of(cron, timezone)
        key = NEW_NAME.of("name", name)
        (found,) = self._graph.read("schedules/get", schedule=key)
        params: dict[str, Any] = {
            "schedule": key,
            "cron": cron,
            "timezone": timezone,
            "paused": bool(paused),
            "template": dump_json(template_of(task)),
            "next_at": times.after(native(found["now"])),
        }
        rows = self._graph.write("schedules/put", command_id=new_hex(), **params)
        return Schedule.from_record(native(rows[0]))

    def get(self, name: str) -> Schedule | None:
        """The schedule of this name; None where there is none."""
        (row,) = self._graph.read("schedules/get", schedule=NAME.of("name", name))
        return None if row["schedule"] is None else Schedule.from_record(native(row))

    def list(self) -> list[Schedule]:
        """All schedules, by name."""
        rows = self._graph.read("schedules/list")
        return [Schedule.from_record(native(row)) for row in rows]

    def remove(self, name: str) -> bool:
        """Remove a schedule; False where there is none. The tasks that it created stay."""
        params = {"schedule": NAME.of("name", name), "limit": UNLINKED_AT_ONCE}
        found = False
        while rows := self._graph.write("schedules/remove", command_id=new_hex(), **params):
            found = True
            if rows[0]["gone"]:
                break
        return found

    def tick(self, limit: int = 100) -> list[str]:
        """Create the tasks whose time has come; their ids.

        Args:
            limit: Look at so many schedules at most, those first that waited longest.

        Raises:
            ValidationError: this machine does not know a schedule's timezone; the other schedules
                have ticked.
        """
        created: list[str] = []
        refused: list[ValidationError] = []
        for row in self._graph.read("schedules/due", limit=LIMIT.of("limit", limit)):
            try:
                created += self._create(native(row))
            except ValidationError as error:
                refused.append(error)
        if created:
            self._graph.work.tell()
        if refused:
            raise refused[0]
        return created

    def _create(self, row: Mapping[str, Any]) -> list[str]:
        """Create the task that is due; its id, or nothing where another process created it."""
        schedule, now = Schedule.from_record(row), row["now"]
        times = Cron.of(schedule.cron, schedule.timezone)
        tick = times.latest(schedule.next_at or now, now)
        key = _key(schedule.name, tick)
        task = NewTask.parsed(f"schedule {schedule.name!r}", schedule.task).with_own_key(key)
        step = {
            "schedule": schedule.name,
            "due_at": schedule.next_at,
            "tick": tick,
            "next_at": times.after(tick),
            "command_id": new_hex(),
        }
        try:
            return self._graph.transaction(_create, step, task, self._retry_policy)
        except AlreadyAppliedError:
            # The tick has its task: from a schedule of this name that was removed, or put anew.
            self._graph.write("schedules/advance", **step)
            return []


def _create(
    tx: Transaction, step: dict[str, Any], task: NewTask, retry_policy: RetryPolicy
) -> list[str]:
    if not tx.run("schedules/advance", **step):
        return []
    params = insertion([task], retry_policy) | {"now": None}
    if not (insert(tx, params))[0]:
        add_lanes(tx, [task])
        insert(tx, params)
    tx.run(
        "schedules/link", schedule=step["schedule"], tick=step["tick"], task_id=task.task_id
    )
    return [task.task_id]


def template_of(task: NewTask | Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a task that were given, checked.

    Raises:
        ValidationError: one is not acceptable, or can be true of one task only.
    """
    checked_task = NewTask.parsed("task", task)
    fields = checked_task.model_dump(mode="json", exclude_unset=True)
    given = {name: value for name, value in fields.items() if value not in (None, [])}
    if once_only := [name for name in ONCE_ONLY if name in given]:
        raise ValidationError(
            f"task: {', '.join(once_only)}: a schedule creates a task at each tick, and this can "
            "be true of one task only; leave it out"
        )
    return given


def _key(name: str, tick: datetime) -> str:
    """The idempotency key of a tick's task."""
    key = f"schedule:{name}:{tick.isoformat()}"
    if len(key) <= MAX_NAME:
        return key
    return f"schedule:{hashlib.sha256(name.encode()).hexdigest()[:32]}:{tick.isoformat()}"
