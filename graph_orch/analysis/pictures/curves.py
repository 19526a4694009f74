"""Edges as cubic Bézier curves: their control points, and what draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.path import Path

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_CODES = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]


def bundled(starts: Floats, ends: Floats, first: Floats, last: Floats, pull: float) -> Floats:
    """Curves (m, 4, 2) that are pulled towards the centres of both their groups.

    Holten, "Hierarchical Edge Bundles" (2006), with one level. `pull` is from 0 to 1.
    """
    one = starts + pull * (first - starts)
    two = ends + pull * (last - ends)
    return np.stack([starts, one, two, ends], axis=1)


def flowing(starts: Floats, ends: Floats) -> Floats:
    """Curves that leave and arrive level, as between columns."""
    half = np.column_stack([(ends[:, 0] - starts[:, 0]) / 2, np.zeros(len(starts))])
    return np.stack([starts, starts + half, ends - half, ends], axis=1)


def lines(curves: Floats | Sequence[Floats], **look: Any) -> PathCollection:
    """One path for each curve; a curve of 4, 7, 10, … points is of several pieces.

    `rasterized` from a few thousand on: an SVG of so many paths is larger than an image of them.
    """
    paths = [Path(curve, _CODES + _CODES[1:] * ((len(curve) - 4) // 3)) for curve in curves]
    return PathCollection(
        paths, facecolors="none", rasterized=len(paths) > MOST_PATHS, capstyle="butt", **look
    )


MOST_PATHS = 4_000
