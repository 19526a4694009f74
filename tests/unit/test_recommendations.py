"""Recommendations of what is extreme: the tools take their calls, as those of all others."""

from __future__ import annotations

import pytest

from graph_orch import Agent
from graph_orch.domain.recommendations import (
    MOST_SLOTS,
    budgets_spent,
    leases_expire,
    load_skew,
    missing_skills,
    no_free_agent,
    single_holders,
)
from graph_orch.tools.table import EVERY_TOOL, find

NAMES = [f"skill {number}" for number in range(150)]


def agent(agent_id="ada", skills=(), slots=1, active=0):
    return Agent.stored(
        {
            "agent_id": agent_id,
            "capabilities": [*skills],
            "max_concurrent_tasks": slots,
            "active_tasks": active,
        }
    )


def lane(**more):
    skills = [[name, name, 1] for name in NAMES]
    row = {"lane": "l", "skills": skills, "terms": [], "ready": 9, "capable": 0, "barred": []}
    return row | {"free": 0, "best": "ada", "first": "1"} | more


def budget(most, spent, estimate):
    row = {"owner": "team:t", "ready": 1, "first": "1", "currency": None}
    return row | {"most": most, "spent": spent, "estimates": [estimate, [0, 0, 0, 1]]}


YEAR = 31_536_000_000
FOUND = {
    "a lease of a year": lambda: leases_expire(
        [
            {
                "agent_id": "ada",
                "tries": 3,
                "expired": 3,
                "shortest_seconds": YEAR // 1000,
                "avg_completion_ms": 0.0,
            }
        ]
    ),
    "all slots": lambda: no_free_agent(
        [lane(capable=1)], [agent(slots=MOST_SLOTS, active=MOST_SLOTS)]
    ),
    "many skills to teach": lambda: missing_skills([lane()], [agent()]),
    "many skills and nobody": lambda: missing_skills([lane()], []),
    "many guarded skills": lambda: missing_skills([lane()], [], guarded=NAMES),
    "many skills and a team": lambda: missing_skills([lane(terms=["TEAM:t"])], []),
    "many skills of the busy one": lambda: [
        load_skew(agent("ada", NAMES, 1, 1), agent("bob"), None)
    ],
    "a long id": lambda: single_holders([agent("a" * 200, ["x"])]),
    "a year of work": lambda: budgets_spent(
        [budget([2**62, 2**62, YEAR, 3], [0, 0, YEAR, 3], [0] * 4)]
    ),
    "all money": lambda: budgets_spent(
        [budget([2**62, 10**18, 2**62, 2**62], [0, 10**18, 0, 0], [0] * 4)]
    ),
}


@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND.keys())
def test_the_call_is_taken(found):
    (first, *_) = found()
    find(EVERY_TOOL, first.call.tool).parse(first.call.arguments)


@pytest.mark.parametrize(
    ("most", "spent", "estimate", "raised"),
    [
        ((100, 2**62, 2**62, 2**62), (80, 0, 0, 0), (64, 0, 0, 1), {"tokens": 207}),
        ((100, 2**62, 2**62, 3), (100, 0, 0, 1), (0, 0, 0, 1), {"tokens": 200, "tries": 3}),
        ((2**62, 2**62, 2**62, 3), (0, 0, 0, 3), (0, 0, 0, 1), {"tries": 6}),
        (
            (2**62, 5 * 10**8, 2000, 2**62),
            (0, 5 * 10**8, 0, 0),
            (0, 0, 0, 1),
            {"cost": 1.0, "currency": "USD", "seconds": 2.0},
        ),
    ],
)
def test_a_budget_is_raised_where_it_falls_short(most, spent, estimate, raised):
    (found,) = budgets_spent([budget(most, spent, estimate)])
    assert found.call.arguments == {"owner": "team:t"} | raised
