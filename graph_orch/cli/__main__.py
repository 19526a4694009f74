"""`python -m graph_orch.cli` is `graph-orch`."""

from graph_orch.cli import main

main()
