"""Draw the picture of README.md: a report on owls, half done, as `draw_tasks` shows it.

Run: python -m scripts.draw_readme [FILE]
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import networkx as nx

from graph_orch import analysis

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TASKS: dict[str, tuple[str, int, list[str]]] = {
    "papers": ("completed", 40, []),
    "sightings": ("completed", 65, []),
    "cleaning": ("completed", 30, ["sightings"]),
    "statistics": ("running", 90, ["cleaning"]),
    "chart": ("failed", 20, ["cleaning"]),
    "map": ("assigned", 25, ["cleaning"]),
    "report": ("pending", 120, ["papers", "statistics", "chart", "map"]),
    "review": ("pending", 30, ["report"]),
    "german": ("pending", 45, ["review"]),
}
"""Of each its status, its estimate in seconds, and what it waits for."""


def graph() -> nx.DiGraph[str]:
    """The tasks as `snapshot(orch, "tasks")` returns them."""
    made: nx.DiGraph[str] = nx.DiGraph(kind="tasks", taken_at=START + timedelta(seconds=150))
    ids = {name: f"owls-{number}" for number, name in enumerate(TASKS, 1)}
    for name, (status, seconds, after) in TASKS.items():
        made.add_node(
            ids[name],
            label="Task",
            task_id=ids[name],
            task_type=name,
            content=name,
            status=status,
            tries=[],
            metadata={"estimated_seconds": seconds},
        )
        made.add_edges_from(((ids[name], ids[other]) for other in after), type="DEPENDS_ON")
    return made


if __name__ == "__main__":
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/workflow.png")
    title = "A report on owls: what is done, what runs, and the longest chain"
    analysis.pictures.draw_tasks(
        graph(), file, title=title, duration="estimated", figsize=(10, 3.6)
    )
