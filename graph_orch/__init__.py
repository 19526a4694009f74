"""Multi-agent task orchestration whose store is a Neo4j graph.

from graph_orch import Orchestrator

with Orchestrator.connect() as orch:
    orch.agents.register_agent("ada", ["python"])
    task_id = orch.tasks.create_task("sort this", "code", requirements=["python"])
    orch.router.dispatch_task(task_id)

The names are in `__init__.pyi`, each imported when it is first used: the driver takes longer to
import than all else together.
"""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
