"""Graphs in files and as tables: JSON, GraphML, pandas."""
