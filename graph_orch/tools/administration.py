"""The tools of administrators: limits, budgets, the integrity check, and what acts by itself.

Subscriptions, webhooks and triggers are put by `graph-orch apply` and by their own commands: what
they take is no form, and a webhook's secret is for nobody else to see.
"""

from __future__ import annotations

from typing import Annotated, Any

from graph_orch.domain.fields import MAX_INT, LeaseSeconds
from graph_orch.domain.models.budgets import Budget
from graph_orch.errors import ValidationError
from graph_orch.tools import parameters as p
from graph_orch.tools.answers import (
    BudgetView,
    Examination,
    Flaw,
    LimitState,
    Number,
    Removed,
    ScheduleView,
    WebhookView,
)
from graph_orch.tools.call import Call
from graph_orch.tools.schemas import FieldsOf
from graph_orch.tools.tasks import TaskSpec

MOST_FINDINGS = 100
PER_SECONDS = 60.0
Name = Annotated[str, p.text("Its name")]


async def set_limit(
    call: Call,
    key: Annotated[str, p.text("concurrency_key of tasks")],
    at_once: Annotated[int | None, p.number("How many may be held", 1, MAX_INT)] = None,
    rate: Annotated[int | None, p.number("How many may begin in per_seconds", 1, MAX_INT)] = None,
    per_seconds: Annotated[LeaseSeconds, p.about("The time of rate")] = PER_SECONDS,
    burst: Annotated[
        int | None, p.number("How many may begin at once; absent: rate", 1, MAX_INT)
    ] = None,
    no_rate: Annotated[bool, p.about("Limit the rate no more")] = False,
) -> LimitState:
    """Limit how many tasks with a key are held at once, or begin in a time."""
    if (at_once is None and rate is None and not no_rate) or (no_rate and rate is not None):
        raise ValidationError("set_limit: give at_once or rate; or no_rate")
    if rate is None and (burst is not None or per_seconds != PER_SECONDS):
        raise ValidationError("set_limit: burst and per_seconds go with rate; give it too")
    tasks, found = call.orch.tasks, None
    if rate is not None or no_rate:
        found = await tasks.set_rate_limit(key, rate, per_seconds, burst=burst)
    if at_once is not None:
        found = await tasks.set_concurrency_limit(key, at_once)
    return LimitState.of(found)


async def set_budget(
    call: Call,
    owner: Annotated[str, p.text("workflow:ID, agent:ID or team:ID")],
    budget: Annotated[dict[str, Any], FieldsOf(Budget)],
) -> BudgetView:
    """Set how much an owner may use in all. It replaces all amounts: one not given is unlimited."""
    found = await call.orch.budgets.set(owner, budget)
    amounts = {
        name: getattr(found, name).model_dump(mode="json", exclude_none=True)
        for name in ("budget", "left")
    }
    return BudgetView(owner=found.owner, is_closed=found.is_closed, **amounts)


async def examine(
    call: Call, repair: Annotated[bool, p.about("Put right what is found")] = False
) -> Examination:
    """Check that counters and derived edges agree with what they stand for."""
    found = await call.orch.doctor(repair)
    return Examination(
        total=len(found.findings),
        repaired=found.repaired,
        findings=[Flaw.of(it) for it in found.findings[:MOST_FINDINGS]],
    )


async def forget_workers(call: Call) -> Number:
    """Forget workers that have been dead for a day."""
    return Number(number=await call.orch.agents.forget_workers())


async def put_schedule(
    call: Call,
    name: Name,
    cron: Annotated[str, p.text("Five fields, or six with the second first")],
    task: Annotated[TaskSpec, p.about("What to create at each tick")],
    timezone: Annotated[str, p.text("By whose clocks")] = "UTC",
    paused: Annotated[bool, p.about("It does not tick")] = False,
) -> ScheduleView:
    """Create a schedule, or replace the one of this name."""
    found = await call.orch.schedules.put(name, cron, task.new(), timezone=timezone, paused=paused)
    return ScheduleView.of(found)


async def remove_schedule(call: Call, name: Name) -> Removed:
    """Remove a schedule; the tasks that it created stay."""
    return Removed(removed=await call.orch.schedules.remove(name))


async def remove_subscription(call: Call, name: Name) -> Removed:
    """Remove a subscription or a webhook: it gets nothing more."""
    return Removed(removed=await call.orch.subscriptions.remove(name))


async def enable_webhook(call: Call, name: Name) -> WebhookView:
    """Let a disabled webhook send again, at once what waits."""
    return WebhookView.of(await call.orch.webhooks.enable(name))


async def redeliver_webhook(
    call: Call,
    name: Name,
    event_id: Annotated[str | None, p.text("Only this event, even if delivered")] = None,
) -> Number:
    """Send again what a webhook gave up, and what waits to be tried again."""
    return Number(number=await call.orch.webhooks.redeliver(name, event_id))


async def remove_trigger(call: Call, name: Name) -> Removed:
    """Remove a trigger, with what it was to do still; what it made stays."""
    return Removed(removed=await call.orch.triggers.remove(name))


async def retry_trigger(call: Call, name: Name) -> Number:
    """Let a trigger do again what failed or was stopped."""
    return Number(number=await call.orch.triggers.retry(name))
