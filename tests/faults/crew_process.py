"""A process of workers for the fault tests. Its settings come as JSON on the command line.

Before a handler returns, it writes what it will return to the log: the oracle compares that with
the graph. On SIGTERM it drains.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import signal
import sys
import time
from uuid import uuid4

from graph_orch import Orchestrator, TaskFailure, Worker
from tests.faults.hostile import plain_end


def build(orch: Orchestrator, settings: dict, number: int, log) -> Worker:
    chance = random.Random(f"{settings['seed']}-{number}")
    agent_id = f"{settings['name']}-{number}"
    skills = settings["skills"][number % len(settings["skills"])]
    worker = Worker(
        orch,
        agent_id,
        skills,
        settings["concurrency"],
        lease_seconds=settings["lease_seconds"],
        grace_seconds=5,
        prefetch=settings.get("prefetch", 0),
    )

    def noted(ctx) -> dict[str, str]:
        token = str(uuid4())
        entry = {"task_id": ctx.task.task_id, "attempt": ctx.attempt, "token": token}
        log.write(json.dumps(entry) + "\n")
        log.flush()
        return {"token": token}

    async def work(ctx):
        await asyncio.sleep(chance.random() * settings["work_seconds"])
        if chance.random() < settings["failures"]:
            raise TaskFailure("by chance")
        return noted(ctx)

    def hostile_work(ctx):
        return plain_end(chance, noted(ctx))

    worker.task("work")(hostile_work if settings.get("hostile") else work)
    return worker


async def serve(workers: list[Worker]) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: [it.stop() for it in workers])
    await asyncio.gather(*(worker.serve() for worker in workers))


def main() -> None:
    settings = json.loads(sys.argv[1])
    logging.disable(logging.CRITICAL)
    if offset := settings.get("clock_offset", 0):
        true_time = time.time
        time.time = lambda: true_time() + offset
    auth = tuple(settings["auth"]) if settings["auth"] else None
    with (
        open(settings["log"], "a", encoding="utf-8") as log,
        Orchestrator.connect(settings["uri"], auth, settings["database"]) as orch,
    ):
        numbers = range(settings["workers"])
        asyncio.run(serve([build(orch, settings, number, log) for number in numbers]))


if __name__ == "__main__":
    main()
