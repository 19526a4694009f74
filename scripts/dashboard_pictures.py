"""`python -m scripts.dashboard_pictures`: pictures of the dashboard, of a store made for them.

It starts a server of its own and Debian's Chromium, and writes docs/dashboard/*.png.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from graph_orch import Context, NewTask, Orchestrator, Worker
from graph_orch.embedded import EmbeddedNeo4j

TO = Path(__file__).parent.parent / "docs/dashboard"
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
AGENTS = {
    "ada": ["python", "review", "sql"],
    "bob": ["python", "nlp"],
    "cleo": ["research", "nlp", "writing"],
    "dan": ["design", "writing"],
    "eve": ["python", "research"],
}


def main() -> None:
    """Make the store, and take the pictures."""
    TO.mkdir(exist_ok=True)
    logging.getLogger("graph_orch").setLevel(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory() as directory,
        EmbeddedNeo4j(directory) as server,
        ExitStack() as stack,
    ):
        orch = stack.enter_context(Orchestrator.connect(server.uri, server.auth))
        flow = live_a_little(orch, stack)
        user, password = server.auth
        env = {"NEO4J_URI": server.uri, "NEO4J_USERNAME": user, "NEO4J_PASSWORD": password}
        command = [sys.executable, "-m", "graph_orch.cli", "web", "--no-open", "--port", "0"]
        with subprocess.Popen(
            command, env=os.environ | env, stderr=subprocess.PIPE, text=True
        ) as web:
            assert web.stderr is not None
            url = web.stderr.readline().split(" at ")[-1].strip()
            try:
                take(url, {"overview": "/", "workflow": f"/workflows/{flow}", "agents": "/agents"})
            finally:
                web.terminate()


def live_a_little(orch: Orchestrator, stack: ExitStack) -> str:
    """Work for some minutes, fail a little, leave something open; the workflow that is shown."""
    for agent_id, skills in AGENTS.items():
        orch.agents.register_agent(agent_id, skills, max_concurrent_tasks=3)
    workers = [Worker(orch, agent_id, skills) for agent_id, skills in AGENTS.items()]
    for number, worker in enumerate(workers):

        @worker.task("*")
        def work(ctx: Context, number: int = number) -> dict[str, int]:
            time.sleep(0.15 + 0.1 * number)
            if ctx.task.content.endswith("7"):
                raise ValueError("the page is not there")
            return {"pages": number}

        thread = threading.Thread(target=worker.run)
        thread.start()
        stack.callback(thread.join)
        stack.callback(worker.stop)
    for round_ in range(36):
        for number in range(10 + 5 * (round_ % 4)):
            orch.tasks.create_task(
                f"Read page {round_ * 10 + number}", "fetch", requirements=["python"], max_retries=0
            )
        time.sleep(5)
    orch.tasks.create_task("Check the licence", "law", requirements=["law"], priority="high")
    flow = start_report(orch)
    time.sleep(3)
    for number in range(60):
        orch.tasks.create_task(f"Read page {number}8", "fetch", requirements=["python"])
    return flow


def start_report(orch: Orchestrator) -> str:
    """A workflow of some tasks that wait for people at its end."""
    price = orch.gates.create(
        "How much may the figures cost?", kind="input", schema={"type": "number", "minimum": 0}
    )
    publish = orch.gates.create("Publish the report?", approvers=["grace"])
    made: dict[str, NewTask] = {}

    def add(name: str, skill: str, *after: str, gates: tuple[str, ...] = ()) -> None:
        made[name] = NewTask(
            content=f"{name.capitalize()} of the quarterly report",
            task_type=name,
            name=name,
            requirements=[skill],
            dependencies=[made[it].task_id for it in after],
            gates=gates,
        )

    add("collect", "research")
    add("clean", "python", "collect")
    add("interviews", "research")
    add("model", "python", "clean")
    add("summary", "nlp", "interviews")
    add("figures", "design", "model", gates=(price.gate_id,))
    add("text", "writing", "model", "summary")
    add("review", "review", "text", "figures")
    add("publish", "python", "review", gates=(publish.gate_id,))
    started = orch.workflows.start("Quarterly report", [*made.values()], budget={"cost": "12.50"})
    return started.workflow_id


def take(url: str, pages: dict[str, str]) -> None:
    """Photograph pages; in the dark and narrow too where they are the first."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, path in pages.items():
            for size, (width, height) in SIZES.items():
                for theme in ("light", "dark"):
                    shown = size == "wide" and theme == "light"
                    if not shown and name != "overview":
                        continue
                    page = browser.new_page(
                        viewport={"width": width, "height": height}, color_scheme=theme
                    )
                    page.goto(url + path)
                    page.locator("#live").filter(has_text="live").wait_for()
                    suffix = "" if shown else f"-{size}-{theme}"
                    page.screenshot(path=TO / f"{name}{suffix}.png")
                    page.close()
        browser.close()


if __name__ == "__main__":
    main()
