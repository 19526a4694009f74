"""A page that stays open for long: what it looks at again leaves nothing behind in the browser."""

from __future__ import annotations

from playwright.sync_api import CDPSession, Page

from graph_orch import NewTask, Orchestrator
from tests.browser.conftest import Open

ROWS = 50
LOOKS, A_FEW = 60, 30
"""Some nodes come and go with messages; one that each look left would make more."""
LOOK = """() => new Promise((done) => {
  document.addEventListener("htmx:afterSettle", () => done(), { once: true });
  htmx.trigger(document.getElementById("page"), "changed");
})"""


def test_looking_again_leaves_no_nodes_behind(visit: Open, orch: Orchestrator) -> None:
    make(orch, 2 * ROWS)
    page = visit("/tasks")
    looks(page, orch, 5)
    session = page.context.new_cdp_session(page)
    before = kept(session)
    looks(page, orch, LOOKS)
    assert kept(session) <= before + A_FEW


def looks(page: Page, orch: Orchestrator, number: int) -> None:
    """Let the page look again, each time at other tasks than before."""
    for _ in range(number):
        make(orch, 3)
        page.evaluate(LOOK)


def make(orch: Orchestrator, number: int) -> None:
    orch.tasks.create_tasks([NewTask(content="x", task_type="x") for _ in range(number)])


def kept(session: CDPSession) -> float:
    """How many nodes the browser holds, without what nothing refers to any more."""
    session.send("Performance.enable")
    found = -1.0
    while True:  # what one collection frees may be all that held something else
        session.send("HeapProfiler.collectGarbage")
        metrics = session.send("Performance.getMetrics")["metrics"]
        before, found = found, next(it["value"] for it in metrics if it["name"] == "Nodes")
        if found == before:
            return found
