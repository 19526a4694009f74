"""What callers give by mistake, or to do harm: refused in our terms."""

from __future__ import annotations

import base64
import math

import pytest

from graph_orch import Communities
from graph_orch.domain.models import Algorithm
from graph_orch.errors import (
    AgentNotFoundError,
    GdsMissingError,
    TaskNotFoundError,
    TeamNotFoundError,
    ValidationError,
)

REFUSED = (
    ValidationError,
    TaskNotFoundError,
    AgentNotFoundError,
    TeamNotFoundError,
    GdsMissingError,
)
HOSTILE = [
    5,
    1.5,
    math.nan,
    10**400,
    b"ab",
    object(),
    "x" * 201,
    "\ud800",
    ["a"],
    [None],
    {"a": 1},
]
CALLS = {
    "why_blocked": lambda o, it: o.insights.why_blocked(it),
    "why_blocked limit": lambda o, it: o.insights.why_blocked("x", it),
    "blast_radius": lambda o, it: o.insights.blast_radius(it),
    "blast_radius duration": lambda o, it: o.insights.blast_radius("x", it),
    "agent_blast_radius": lambda o, it: o.insights.agent_blast_radius(it),
    "critical_path": lambda o, it: o.insights.critical_path(it),
    "levels": lambda o, it: o.insights.levels(it),
    "write": lambda o, it: o.teams.write(it),
    "algorithm": lambda o, it: o.teams.detect(algorithm=it),
    "resolution": lambda o, it: o.teams.detect(resolution=it),
    "seed": lambda o, it: o.teams.detect(seed=it),
    "export tasks": lambda o, it: list(o.export.tasks(it)),
    "export agents": lambda o, it: list(o.export.agents(it)),
    "query_tasks": lambda o, it: o.tasks.query_tasks(it),
    "after": lambda o, it: o.tasks.query_tasks(after=it),
    "prefer_team": lambda o, it: o.router.route_task("x", prefer_team=it),
    "dispatch prefer_team": lambda o, it: o.router.dispatch_task("x", prefer_team=it),
    "exclude_agents": lambda o, it: o.router.dispatch_task("x", it),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_it_is_refused_in_our_terms(orch, call):
    for it in HOSTILE:
        with pytest.raises(REFUSED):
            call(orch, it)


@pytest.mark.parametrize("names", [5, math.nan, "ada", b"a", {"a": 1}, [5], [""], ["x" * 201]])
def test_names_that_are_no_list_of_names(orch, names):
    with pytest.raises(ValidationError, match="names"):
        orch.teams.write(Communities.of([["a"]], 0.5, Algorithm.LOUVAIN, 1.0, 0), names)


def test_one_name_where_a_list_is_needed_is_not_taken_letter_by_letter(orch, new_task):
    orch.agents.register_agent("a", [])
    with pytest.raises(ValidationError, match="exclude_agents: is one string"):
        orch.router.route_task(new_task(), "a")


@pytest.mark.parametrize(
    "text",
    [
        '["0001-01-01T00:00:00+10:00","x"]',
        '["9999-12-31T23:59:59-10:00","x"]',
        '["2026-01-01T00:00:00+00:00","\\ud800"]',
        "[]",
        "[" * 100_000,
    ],
)
def test_a_cursor_that_is_none(orch, text):
    with pytest.raises(ValidationError, match="no cursor"):
        orch.tasks.query_tasks(after=base64.urlsafe_b64encode(text.encode()).decode())


@pytest.mark.parametrize(
    "filters",
    [
        {"status": ["pending", "assigned", "pending"]},
        {"task_type": ["any", "any"]},
        {"agent_id": ["ada", "ada"], "status": ["assigned", "assigned"]},
        {"requirement": ["x", "X"]},
    ],
)
def test_what_is_asked_for_twice_is_found_once(orch, new_task, filters):
    orch.agents.register_agent("ada", ["x"], max_concurrent_tasks=9)
    ids = [new_task(requirements=["x"]) for _ in range(5)]
    for task_id in ids:
        if "agent_id" in filters:
            orch.tasks.assign_task(task_id, "ada")
    first = orch.tasks.query_tasks(filters, limit=2)
    rest = orch.tasks.query_tasks(filters, after=first.next_cursor)
    assert [task.task_id for task in [*first, *rest]] == ids
    assert [it.task.task_id for page in orch.export.tasks(filters) for it in page.tasks] == ids
