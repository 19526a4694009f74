"""Pauses of the queue, of task types, workflows and agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graph_orch._sync.due import Due
from graph_orch._sync.graph import Graph
from graph_orch.domain.fields import LEASE, NAME, TEXT
from graph_orch.domain.forms import shortened
from graph_orch.domain.models import Pause
from graph_orch.errors import (
    AgentNotFoundError,
    StoreError,
    ValidationError,
    WorkflowNotFoundError,
)
from graph_orch.logs import logger_of
from graph_orch.store.driving import native

KINDS = ("task_type", "workflow", "agent")
MOST_REASON = 1_000
logger = logger_of("graph_orch.pauses")


class Pauses:
    """What is paused in a graph: nothing of it is given out, in whichever way it is asked for.

    What agents hold goes on, so that a pause interrupts no work. Claims that are under way when a
    pause begins may still be answered.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._due = Due(graph)

    def put(
        self,
        what: str,
        *,
        seconds: float | None = None,
        reason: str | None = None,
        by: str | None = None,
    ) -> Pause:
        """Pause something; what is paused already is paused anew.

        Args:
            what: `queue`, `task_type:NAME`, `workflow:ID` or `agent:ID`. A task type need not have
                been used yet.
            seconds: After so many it goes on by itself, by the server's clock; None: never.
            reason: Why, at most 1,000 characters; refusals and `why_blocked` say it.
            by: Who pauses it.

        Raises:
            ValidationError: an argument is not acceptable.
            WorkflowNotFoundError, AgentNotFoundError: there is none of this id.
        """
        params = parameters(what, seconds, reason, by)
        rows = self._graph.write("pauses/put", **params)
        if not rows:
            raise missing(params)
        self._follow_up(params)
        return Pause.from_record(native(rows[0]))

    def remove(self, what: str) -> bool:
        """Let something go on; False where it is not paused.

        An agent that its circuit breaker paused has all its slots again, and no failure in a row.
        """
        params = _parts(what)
        (row,) = self._graph.write("pauses/remove", **params)
        self._follow_up(params)
        self._graph.work.tell()
        return row["was_paused"]

    def _follow_up(self, params: Mapping[str, Any]) -> None:
        """Withhold tasks, or put them back; where that fails, whoever looks next does it."""
        if params["kind"] != "agent":
            try:
                self._due.look_at_pause(params["key"])
            except StoreError as error:
                logger.warning("%s is looked at later: %s", params["key"], error)

    def list(self) -> list[Pause]:
        """All that is paused, by `what`."""
        return [Pause.from_record(native(row)) for row in self._graph.read("pauses/list")]


def parameters(
    what: str, seconds: float | None = None, reason: str | None = None, by: str | None = None
) -> dict[str, Any]:
    """The parameters of `pauses/put`.

    Raises:
        ValidationError: an argument is not acceptable.
    """
    return {
        **_parts(what),
        "seconds": LEASE.of("seconds", seconds),
        "reason": shortened(TEXT.of("reason", reason) or "", MOST_REASON) or None,
        "by": None if by is None else NAME.of("by", by),
    }


def missing(params: Mapping[str, Any]) -> WorkflowNotFoundError | AgentNotFoundError:
    """What `pauses/put` has not found, where it has no row."""
    kind = AgentNotFoundError if params["kind"] == "agent" else WorkflowNotFoundError
    return kind(params["id"])


def _parts(what: str) -> dict[str, str]:
    """What is paused, as the statements take it."""
    key = NAME.of("what", what)
    kind, _, name = key.partition(":")
    if key == "queue":
        return {"kind": "queue", "id": "", "key": key}
    if kind not in KINDS or not name:
        raise ValidationError(
            f"what: {key!r} cannot be paused; give queue, task_type:NAME, workflow:ID or agent:ID"
        )
    id_ = NAME.of(kind, name)
    return {"kind": kind, "id": id_, "key": f"{kind}:{id_}"}
