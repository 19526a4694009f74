"""`query_tasks(newest_first=True)` is the order of `query_tasks` turned round, whatever leads."""

from __future__ import annotations

import pytest

from graph_orch import NewTask, ValidationError
from graph_orch._sync import querying

FILTERS = [
    {},
    {"status": ["pending", "completed", "running"]},
    {"task_type": ["a", "b"]},
    {"requirement": "sql"},
    {"agent_id": "ada"},
    {"agent_id": "ada", "status": "completed"},
    {"workflow_id": "w"},
    {"workflow_id": "w", "status": "pending", "task_type": "a"},
    {"priority": "high"},
]


@pytest.fixture
def lived(orch, cypher):
    orch.agents.register_agent("ada", ["sql"], max_concurrent_tasks=100)
    for round_ in range(3):
        orch.tasks.create_tasks(
            NewTask(
                content="x",
                task_type="ab"[number % 2],
                requirements=["sql"] * (number % 3 == 0),
                priority="high" if number % 4 == 0 else "low",
            )
            for number in range(7)
        )
        tasks = [{"content": "x", "task_type": "a", "name": f"{it}"} for it in range(5)]
        orch.workflows.start("flow", tasks, workflow_id="w" if round_ == 1 else None)
        for claim in orch.tasks.claim_tasks("ada", 5, start=True)[:3]:
            orch.tasks.complete_task(claim.task_id)
    cypher("MATCH (t:Task) SET t.created_at = datetime.truncate('second', t.created_at)")


@pytest.mark.parametrize("leads", [True, False])
def test_pages_are_those_of_the_other_order_turned_round(orch, lived, monkeypatch, leads):
    monkeypatch.setattr(querying, "are_few", lambda limit, number, total: leads)
    for filters in FILTERS:
        wanted = [it.task_id for it in orch.tasks.query_tasks(filters)][::-1]
        assert wanted, filters
        page = orch.tasks.query_tasks(filters, limit=2, newest_first=True)
        found = [*page]
        while page.next_cursor is not None:
            page = orch.tasks.query_tasks(
                filters, limit=2, after=page.next_cursor, newest_first=True
            )
            found += page
        assert [it.task_id for it in found] == wanted, filters
    moments = {it.created_at for it in orch.tasks.query_tasks()}
    assert len(moments) < len(orch.tasks.query_tasks())  # so that ids decided


def test_what_no_index_has_in_this_order_is_refused(orch):
    for filters in ({"text": "x"}, {"finished_after": "2026-01-01T00:00:00Z"}):
        with pytest.raises(ValidationError, match="newest_first: not together with text"):
            orch.tasks.query_tasks(filters, newest_first=True)
    with pytest.raises(ValidationError, match="after: is no cursor"):
        orch.tasks.query_tasks(after="x", newest_first=True)
