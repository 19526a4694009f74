"""Workers: processes that claim tasks, run handlers on them, and say how it ended.

    worker = Worker(orch, "ada", ["research"], concurrency=8)

    @worker.task("research")
    async def research(ctx):            # or a plain function, which runs in a thread
        ctx.heartbeat(0.5, "half way")
        return {"found": len(ctx.task.content)}

    worker.run()                        # until SIGTERM

Claims, completions and handlers live in one event loop. Heartbeats are sent from a thread of their
own, so that a handler that blocks the loop does not lose its lease.
"""

from graph_orch.worker.context import AsyncContext, Context
from graph_orch.worker.failures import GatherFailed, HandOff, InputRefused, TaskFailure
from graph_orch.worker.worker import Worker

__all__ = [
    "AsyncContext",
    "Context",
    "GatherFailed",
    "HandOff",
    "InputRefused",
    "TaskFailure",
    "Worker",
]
