"""A process that starts, cancels or retries a workflow, and kills itself at one of its writes.

Its settings come as JSON on the command line: `at` is the number of the write, `after` whether it
dies once that was committed. It exits with 0 where it came to its end before.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from graph_orch import Orchestrator
from graph_orch._sync import due, workflows
from graph_orch._sync.graph import Graph


def die_at(number: int, after: bool) -> None:
    """Let the process be killed at the write of this number."""
    writes = 0

    def dying(write):
        def run(*args, **params):
            nonlocal writes
            writes += 1
            mine = writes == number
            if mine and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            found = write(*args, **params)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return run

    Graph.write = dying(Graph.write)
    Graph.transaction = dying(Graph.transaction)


def main() -> None:
    settings = json.loads(sys.argv[1])
    workflows.MAX_BATCH, workflows.AT_ONCE, workflows.RETRIED_AT_ONCE = 5, 6, 6
    due.BATCH, due.WITHHELD_AT_ONCE = 6, 5
    uri, auth, database = settings["server"]
    with Orchestrator.connect(uri, auth and tuple(auth), database) as orch:
        die_at(settings["at"], settings["after"])
        match settings["action"]:
            case "start":
                orch.workflows.start("flow", settings["tasks"], workflow_id=settings["id"])
            case "cancel":
                orch.workflows.cancel(settings["id"])
            case _:
                orch.workflows.retry(settings["id"])


if __name__ == "__main__":
    main()
