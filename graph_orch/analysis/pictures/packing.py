"""Discs close together without overlap: nodes in their community, communities in the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from scipy.spatial import KDTree

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def sunflower(radii: Floats) -> Floats:
    """Places (n, 2) for discs, the first in the middle, each as far out as those before need.

    Vogel, "A better way to construct the sunflower head" (1979), with areas that differ.
    """
    areas = np.square(radii)
    out = np.sqrt(1.2 * (np.cumsum(areas) - areas / 2))
    out[:1] = 0.0
    angles = _GOLDEN_ANGLE * np.arange(len(radii))
    return separated(np.column_stack([out * np.cos(angles), out * np.sin(angles)]), radii)


def separated(places: Floats, radii: Floats, rounds: int = 60) -> Floats:
    """The places moved apart until no two discs overlap, or `rounds` are over."""
    places = places.copy()
    most = radii.max(initial=0.0)
    for _ in range(rounds):
        one, other = KDTree(places).query_pairs(2 * most, output_type="ndarray").T
        away = places[one] - places[other]
        distance = np.hypot(*away.T)
        short = radii[one] + radii[other] - distance
        if short.max(initial=0.0) <= 1e-3 * most:
            break
        push = away * (0.5 * np.maximum(short, 0.0) / np.maximum(distance, 1e-9))[:, None]
        for axis in (0, 1):
            moved = places[:, axis]
            moved += np.bincount(one, push[:, axis], len(radii))
            moved -= np.bincount(other, push[:, axis], len(radii))
    return places


def packed(
    links: Mapping[tuple[int, int], float], radii: Sequence[float], aspect: float, seed: int
) -> Floats:
    """Places for discs, those with many links near each other, in a shape `aspect` times as wide.

    A force layout (Fruchterman and Reingold, 1991) of the discs, drawn together step by step while
    overlaps are resolved.
    """
    size = np.array(radii, dtype=float)
    places = _spread(links, len(size), seed) * size.sum() * np.array([aspect, 1.0])
    squeeze = np.array([0.985, 0.985 ** (1.6 * max(aspect, 1.0))])
    for _ in range(220):
        places = separated((places - places.mean(axis=0)) * squeeze, size, rounds=3)
    return separated(places, size, rounds=800)


def _spread(links: Mapping[tuple[int, int], float], number: int, seed: int) -> Floats:
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(number))
    graph.add_weighted_edges_from((a, b, weight) for (a, b), weight in links.items())
    found = nx.spring_layout(graph, seed=seed, iterations=80, method="force")
    return np.array([found[node] for node in range(number)]).reshape(-1, 2)
