"""`python -m graph_orch.cli` is `graph-orch`."""

from graph_orch.cli.app import main

main()
