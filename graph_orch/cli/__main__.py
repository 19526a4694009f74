"""Lets `python -m graph_orch.cli` run `graph-orch`."""

from graph_orch.cli import main

main()
