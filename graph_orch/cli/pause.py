"""`graph-orch pause`, `resume`, `paused` and `limit`: what is held back, and what is let go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from graph_orch import Pause
from graph_orch.cli.durations import seconds
from graph_orch.cli.output import Json, say, show, show_list
from graph_orch.cli.store import connect
from graph_orch.domain.models import ConcurrencyLimit

What = Annotated[str, typer.Argument(help="queue, task_type:NAME, workflow:ID or agent:ID.")]
COLUMNS: dict[str, str | Callable[[Pause], object]] = {
    "what": "what",
    "since": "at",
    "until": "until",
    "by": "by",
    "reason": "reason",
}


def pause(
    what: What,
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, such as 10m; by default until resumed.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; refusals say it.")] = None,
    by: Annotated[str | None, typer.Option(help="Who pauses it.")] = None,
    as_json: Json = False,
) -> None:
    """Give out nothing of the queue, a task type, a workflow or an agent; what is held goes on."""
    length = None if for_ is None else seconds(for_)
    with connect() as orch:
        found = orch.pauses.put(what, seconds=length, reason=reason, by=by)
    show(found, as_json)


def resume(what: What) -> None:
    """Let go on what was paused."""
    with connect() as orch:
        was_paused = orch.pauses.remove(what)
    say(f"{what} {'goes on' if was_paused else 'was not paused'}")


def paused(as_json: Json = False) -> None:
    """List what is paused, and why."""
    with connect() as orch:
        found = orch.pauses.list()
    show_list(found, COLUMNS, as_json)


def limit(
    key: Annotated[str, typer.Argument(help="The concurrency key, or fairness key, of tasks.")],
    at_once: Annotated[int | None, typer.Option(help="How many may be held at once.")] = None,
    rate: Annotated[int | None, typer.Option(help="How many may begin in the time --per.")] = None,
    per: Annotated[str, typer.Option(help="The time for --rate, such as 1m.")] = "1m",
    burst: Annotated[
        int | None, typer.Option(help="How many may begin at once; by default --rate.")
    ] = None,
    no_rate: Annotated[bool, typer.Option("--no-rate", help="Limit the rate no more.")] = False,
    weight: Annotated[
        float | None, typer.Option(help="How large a share those with this fairness key take.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Limit how many tasks with a key are held at once or begin, or say what share they take."""
    nothing = at_once is None and rate is None and weight is None and not no_rate
    if nothing or (no_rate and rate is not None):
        raise typer.BadParameter("give --at-once, --rate or --weight; or --no-rate")
    with connect() as orch:
        tasks, found = orch.tasks, None
        before = tasks.get_concurrency_limit(key)
        if weight is not None:
            tasks.set_fairness_weight(key, weight)
            say(f"tasks with the fairness key {key} have the weight {weight:g}")
        if rate is not None or no_rate:
            found = tasks.set_rate_limit(key, rate, seconds(per), burst=burst)
        if at_once is not None:
            found = tasks.set_concurrency_limit(key, at_once)
    if found is not None:
        if before is not None and not as_json:
            say(f"{key} had {_told(before)}, and has {_told(found)}")
        show(found, as_json)


def _told(limit: ConcurrencyLimit) -> str:
    parts = [] if limit.max is None else [f"{limit.max} at once"]
    if limit.interval_seconds is not None:
        parts.append(f"one in {limit.interval_seconds:g} s and {limit.burst} after a time of none")
    return ", ".join(parts) or "no limit"
