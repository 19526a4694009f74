"""What tests of agent applications need: handlers without a store, and a clock that moves."""

from graph_orch.testing.handlers import Outcome, run_handler, run_handler_async

__all__ = ["Outcome", "run_handler", "run_handler_async"]
