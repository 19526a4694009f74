"""The store: its integrity, and Cypher that only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graph_orch import Right
from graph_orch.errors import OrchestrationError
from graph_orch.serve.web.asked import Asked, Screen, Seen

MOST_ROWS = 500
ONCE: Mapping[str, Any] = {"events": None, "looks_again": False}
"""Both read a lot of the store, perhaps its secrets: by whoever may, and when that is asked."""
MOST_EXAMINED = 10_000
"""Tasks of a store that is examined unasked: the check reads all of it."""
QUESTIONS: Mapping[str, str] = {
    "Agents by what they completed": "MATCH (a:Agent) RETURN a.agent_id AS agent, "
    "a.total_completed AS completed, a.success_rate AS success ORDER BY completed DESC LIMIT 25",
    "Skills that one agent alone has": "MATCH (s:Skill) WHERE COUNT { (:Agent)-[:HAS_SKILL]->(s) } "
    "= 1 MATCH (a:Agent)-[:HAS_SKILL]->(s) RETURN s.name AS skill, a.agent_id AS agent LIMIT 100",
    "Tasks that hold up the most others": "MATCH (t:Task)<-[:DEPENDS_ON]-(after:Task) "
    "WHERE t.status <> 'completed' RETURN t.task_id AS task, t.status AS status, "
    "count(after) AS others ORDER BY others DESC LIMIT 25",
    "Who worked after whom": "MATCH (a:Agent)<-[:ASSIGNED_TO]-(t:Task)<-[:DEPENDS_ON]-(u:Task)"
    "-[:ASSIGNED_TO]->(b:Agent) RETURN a.agent_id AS first, b.agent_id AS then, count(*) AS times "
    "ORDER BY times DESC LIMIT 25",
}
"""Ready questions, of notebook 5 and beside it."""


async def doctor(asked: Asked) -> Seen:
    """What the integrity check finds; in a large store once somebody asks for it."""
    queue = await asked.orch.tasks.get_queue_statistics()
    runs = bool(asked.text("run")) or queue.total_count() <= MOST_EXAMINED
    return {
        "report": await asked.orch.doctor() if runs else None,
        "task_count": queue.total_count(),
        "health": await asked.orch.monitor.get_health(),
    }


async def cypher(asked: Asked) -> Seen:
    """The rows of a question in Cypher."""
    query, error = asked.text("q"), ""
    columns, rows = list[str](), list[list[Any]]()
    if query and asked.is_meant:
        try:
            columns, rows = await asked.orch.graph.query(query, most_rows=MOST_ROWS + 1)
        except OrchestrationError as refused:
            error = str(refused)
    return {
        "query": query,
        "questions": QUESTIONS,
        "columns": columns,
        "rows": rows[:MOST_ROWS],
        "has_more": len(rows) > MOST_ROWS,
        "is_asked": bool(query) and asked.is_meant,
        "error": error,
    }


SCREENS = (
    Screen("/cypher", "Cypher", "cypher.html", cypher, right=Right.ADMINISTER, **ONCE),
    Screen("/doctor", "Doctor", "doctor.html", doctor, right=Right.ADMINISTER, **ONCE),
)
