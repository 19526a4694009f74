"""What tests of agent applications need: handlers without a store, and a clock that moves.

    outcome = run_handler(worker, NewTask(content="bees", task_type="report"))
    advance(orch, 3_600)  # an hour passes, for a graph of tests

The fixtures `orch` and `async_orch` come with the package, see `graph_orch.testing.plugin`.
"""

from graph_orch.testing.clock import advance, advance_async
from graph_orch.testing.handlers import Outcome, run_handler, run_handler_async

__all__ = ["Outcome", "advance", "advance_async", "run_handler", "run_handler_async"]
