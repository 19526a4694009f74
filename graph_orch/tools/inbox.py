"""The tools of an agent's inbox: what happens elsewhere, without asking again and again."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from pydantic import Field, JsonValue

from graph_orch.domain.models import Right
from graph_orch.tools import parameters as p
from graph_orch.tools.answers import Answer, Removed
from graph_orch.tools.call import Call

Pattern = Annotated[str, p.text("EVENTS:TASK_TYPES with * and ?, as completed:research/*")]
Name = Annotated[str, p.text("Of the subscription, if you have several")]
INBOX = "inbox"
WAITS_SECONDS = 10.0
"""How long one wait is, until the caller is told that it goes on."""


class SubscriptionView(Answer):
    """A subscription."""

    name: str
    pattern: str
    behind: int = Field(description="Places of the log not read yet")


class EventView(Answer):
    """What happened to a task."""

    position: int | None
    type: str
    task_id: str
    at: datetime
    agent_id: str | None = None
    detail: JsonValue = None


class EventViews(Answer):
    events: list[EventView] = Field(description="Oldest first; those not acknowledged come again")


async def subscribe(
    call: Call,
    pattern: Pattern,
    name: Name = INBOX,
    workflow_id: p.WorkflowId | None = None,
    by_agent: Annotated[str | None, p.text("Only what this agent did, or got")] = None,
    skill: Annotated[str | None, p.text("Only of tasks that require it")] = None,
    where: Annotated[list[str] | None, p.names("As task.metadata.customer = acme", 20)] = None,
    agent_id: p.AgentId | None = None,
) -> SubscriptionView:
    """Have events come to your inbox from now on; the same name replaces the pattern."""
    found = await call.orch.subscriptions.put(
        _key(call, agent_id, name),
        pattern,
        workflow_id=workflow_id,
        agent_id=by_agent,
        skill=skill,
        where=where,
    )
    return SubscriptionView(name=name, pattern=found.pattern, behind=found.behind)


async def unsubscribe(
    call: Call,
    name: Name = INBOX,
    agent_id: p.AgentId | None = None,
) -> Removed:
    """Get nothing more of a subscription."""
    return Removed(removed=await call.orch.subscriptions.remove(_key(call, agent_id, name)))


async def read_inbox(
    call: Call,
    name: Name = INBOX,
    acknowledge: Annotated[
        int | None, p.number("Position up to which you have dealt with them", 0, 2**53)
    ] = None,
    limit: p.Rows = 20,
    wait_seconds: p.Wait = 0,
    agent_id: p.AgentId | None = None,
) -> EventViews:
    """Acknowledge what you have dealt with, then read what is next."""
    key = _key(call, agent_id, name)
    if acknowledge is not None:
        await call.orch.subscriptions.ack(key, acknowledge)
    began = time.monotonic()
    while True:
        seen = call.orch.graph.work.seen
        events = await call.orch.subscriptions.read(key, limit)
        passed = time.monotonic() - began
        if events or passed >= wait_seconds:
            return EventViews(events=[EventView.of(event) for event in events])
        await call.report(passed, wait_seconds, "waiting for events")
        await call.orch.graph.wait(seen, min(WAITS_SECONDS, wait_seconds - passed))


def _key(call: Call, agent_id: str | None, name: str) -> str:
    """The name of the subscription in the graph: nobody reads another agent's inbox."""
    caller = call.caller
    if agent_id is not None and caller.agent_id is None:
        caller.require(Right.ADMINISTER, "using the inbox of an agent")
    agent = caller.acting_as(agent_id)
    kind, owner = ("person", caller.name) if agent is None else ("agent", agent)
    return f"inbox:{kind}:{quote(owner, safe='')}:{name}"
