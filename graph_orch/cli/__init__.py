"""The command line: a thin adapter over the services."""

from graph_orch.cli.signals import ended_by_signals

__all__ = ["main"]


def main() -> None:
    """Run the command line; never returns."""
    with ended_by_signals():  # also during the import, which takes a while
        from graph_orch.cli.app import main as run

        run()
