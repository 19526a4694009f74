"""Whether a question goes to a graph at hand or to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx

from graph_orch.domain.durations import DurationKind
from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    from graph_orch._sync.insights import Insights


def insights_of(source: object) -> Insights | None:
    """The insights of an orchestrator; None where `source` is a graph.

    Raises:
        ValidationError: it is neither.
    """
    if isinstance(source, nx.Graph):
        return None
    from graph_orch._sync.insights import Insights

    found = getattr(source, "insights", None)
    if isinstance(found, Insights):
        return found
    raise ValidationError(
        f"an Orchestrator or a NetworkX graph is needed, and this is a {type(source).__name__}"
        + ("; await its own insights" if found is not None else "")
    )


def kind_for_store(duration: Any) -> DurationKind:
    """The kind of duration, where the store is asked: it has no mappings and functions.

    Raises:
        ValidationError: it is something else.
    """
    if isinstance(duration, str) and duration in set(DurationKind):
        return DurationKind(duration)
    raise ValidationError(
        f"duration: the store knows {' and '.join(DurationKind)} only; for {duration!r:.100} take "
        "a snapshot, and give that"
    )
