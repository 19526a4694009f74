"""Edges as curves: bundled where many go between the same groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


def bezier(controls: Floats, steps: int = 20) -> Floats:
    """Curves (m, steps, 2) of Bézier, from control points (m, 3 or 4, 2)."""
    t = np.linspace(0, 1, steps)[None, :, None]
    points = [controls[:, None, at, :] for at in range(controls.shape[1])]
    while len(points) > 1:  # de Casteljau
        points = [(1 - t) * a + t * b for a, b in zip(points, points[1:], strict=False)]
    return points[0]


def bundled(starts: Floats, ends: Floats, first: Floats, last: Floats, pull: float) -> Floats:
    """Curves from starts to ends that are pulled towards the centres of both their groups.

    Holten, "Hierarchical Edge Bundles" (2006), with one level. `pull` is from 0 to 1.
    """
    one = starts + pull * (first - starts)
    two = ends + pull * (last - ends)
    return bezier(np.stack([starts, one, two, ends], axis=1))


def flowing(starts: Floats, ends: Floats) -> Floats:
    """Curves that leave and arrive level, as between columns."""
    half = np.column_stack([(ends[:, 0] - starts[:, 0]) / 2, np.zeros(len(starts))])
    return bezier(np.stack([starts, starts + half, ends - half, ends], axis=1))
