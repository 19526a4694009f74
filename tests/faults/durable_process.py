"""Runs durable handlers, each killed once at a line of its own. Its settings come as JSON.

For each line a child process is forked, which kills itself with SIGKILL when its handler comes to
that line; then another, which lets the task end. Forking spares the start of Python. What handlers
do is written to one log for each task before it is done.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from graph_orch import Orchestrator, Worker

STEPS = 10
CHILDREN = 3
AT_ONCE = 6


def serve(settings: dict[str, Any], line: int, *, kills: bool) -> None:  # noqa: C901
    """Work for the task of one line until it is done, or until the line is reached."""
    log = Path(settings["log"]) / f"{line}.txt"
    auth = tuple(settings["auth"]) if settings["auth"] else None
    seen = 0

    def note(text: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def reach() -> None:
        nonlocal seen
        seen += 1
        if kills and seen == line:
            note("killed")
            os.kill(os.getpid(), signal.SIGKILL)

    def run(number: int) -> int:
        note(f"ran {number}")
        reach()  # it has run, and is not kept yet
        return number

    with Orchestrator.connect(settings["uri"], auth, settings["database"]) as orch:
        worker = Worker(orch, f"agent-{line}", [], 2, lease_seconds=1, grace_seconds=5)

        async def step(ctx, number: int) -> None:
            await ctx.step("step", run, number)
            note(f"kept {number}")
            reach()

        @worker.task(f"parent-{line}")
        async def parent(ctx):
            reach()
            children = []
            for number in range(STEPS):
                await step(ctx, number)
                if number == 2:
                    await ctx.sleep(0.01)
                if number == 4:
                    children = await ctx.spawn(
                        [{"content": "x", "task_type": f"child-{line}"} for _ in range(CHILDREN)]
                    )
                    reach()
                    await ctx.gather(children)
                if number == 6:
                    await ctx.approval(f"line {line}?")
                if number == 8:
                    await ctx.spawn([{"content": "x", "task_type": f"child-{line}"}])
            reach()
            return children

        @worker.task(f"child-{line}")
        async def child(ctx):
            return "done"

        def stop_at_the_end() -> None:
            filters = {"task_type": [f"parent-{line}", f"child-{line}"], "status": "completed"}
            while len(orch.tasks.query_tasks(filters)) < CHILDREN + 2:
                time.sleep(0.1)
            worker.stop()

        threading.Thread(target=stop_at_the_end, daemon=True).start()
        worker.run()


def main() -> None:
    settings = json.loads(sys.argv[1])
    logging.disable(logging.CRITICAL)
    lines: list[int] = settings["lines"]
    running: dict[int, int] = {}
    left = [(line, settings["kills"]) for line in reversed(lines)]
    ended = Path(settings["log"]) / "ended"
    while left or running:
        while left and len(running) < AT_ONCE:
            line, kills = left.pop()
            if not (pid := os.fork()):
                try:
                    serve(settings, line, kills=kills)
                finally:
                    os._exit(0)
            running[pid] = line
        pid, status = os.waitpid(-1, 0)
        line = running.pop(pid)
        if os.WIFSIGNALED(status):
            left.append((line, False))
    ended.touch()


if __name__ == "__main__":
    main()
