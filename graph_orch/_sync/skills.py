"""Which skills somebody has, and which of those that tasks require nobody has."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from graph_orch._sync.graph import Graph
from graph_orch.domain.forms import skill_key
from graph_orch.domain.recommendations import nearest_each
from graph_orch.errors import StoreError
from graph_orch.logs import logger_of
from graph_orch.store.runtime import in_thread

HELD_LOOKED_AT = 10_000
"""How many held skills an unknown one is compared with at most."""
MOST_REMEMBERED = 100_000
"""How many skills a process remembers that it has looked for."""
logger = logger_of("graph_orch.tasks")
_looked_for: WeakKeyDictionary[Graph, set[str]] = WeakKeyDictionary()
"""By connection, the keys of the skills of new tasks that were looked for, which is done once."""


class Skills:
    """The skills in one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def unknown(self, given: Iterable[str]) -> dict[str, list[str]]:
        """Those of some skills that nobody has, each with held skills that resemble it."""
        names = {skill_key(name): name for name in given}
        unheld = self._graph.read("monitor/unheld", skills=list(names))
        if not unheld:
            return {}
        held = self.held(HELD_LOOKED_AT)
        return in_thread(nearest_each, [names[row["key"]] for row in unheld], held)

    def held(self, limit: int) -> list[str]:
        """The names of the first `limit` skills that somebody has, in order."""
        return [row["name"] for row in self._graph.read("monitor/skills", limit=limit)]

    def warn_of_unknown(self, required: Iterable[str]) -> None:
        """Log a warning for each of some skills that nobody has, when it is first required.

        This costs a read for the first task of a process that requires a skill, and else nothing.
        """
        looked_for = _looked_for.setdefault(self._graph, set())
        names = {key: name for name in required if (key := skill_key(name)) not in looked_for}
        if not names or not logger.isEnabledFor(logging.WARNING):
            return
        if len(looked_for) > MOST_REMEMBERED:
            looked_for.clear()
        looked_for.update(names)
        try:
            unknown = self.unknown(names.values())
        except StoreError as error:  # the tasks are created all the same
            logger.debug("whether somebody has the skills of new tasks is not known: %s", error)
            return
        for name, similar in unknown.items():
            meant = f"; did you mean {' or '.join(map(repr, similar))}?" if similar else ""
            logger.warning(
                "no agent has the skill %r%s: tasks that require it wait until one is registered "
                "with it, or update_task gives them other requirements",
                name,
                meant,
            )
