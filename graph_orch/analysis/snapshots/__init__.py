"""Snapshots of a store as NetworkX graphs, in files and as tables."""
