"""Snapshots of a store as NetworkX graphs."""
