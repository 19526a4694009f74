"""Lets `python -m examples.literature_review` run the example."""

from examples.literature_review.run import main

main()
