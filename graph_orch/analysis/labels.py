"""What a node and a graph say that they are; what is no text says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx


def is_labelled(attributes: Mapping[str, Any], *labels: str) -> bool:
    """Whether a node has one of the labels."""
    label: object = attributes.get("label")
    return isinstance(label, str) and label in labels


def is_kind(graph: nx.Graph[Any], *kinds: str) -> bool:
    """Whether a graph says that it is a snapshot of one of these kinds."""
    kind: object = graph.graph.get("kind")
    return isinstance(kind, str) and kind in kinds
