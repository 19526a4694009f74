"""Benchmarks of graph_orch, beside other task queues measured in the same run."""
