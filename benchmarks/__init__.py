"""What is measured, and printed: run one as `python -m benchmarks.NAME`."""
