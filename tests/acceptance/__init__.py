"""Acceptance tests: the real command line, on a real server."""
