"""Worked examples: each runs by one command, and is tested as the rest is."""
