"""What firings of triggers do, once: each step is written together with how far the firing is."""

from __future__ import annotations

from typing import Any

from graph_orch._async.graph import AsyncGraph, AsyncTransaction, Rows
from graph_orch.errors import OrchestrationError, TriggerCallError

END = "end"
"""Where a firing is that has taken its last step."""


class TakenAwayError(TriggerCallError):
    """A firing is no longer this process's to do: another took it, or it was ended."""


class AsyncOnce:
    """The steps of one firing, each of which is taken once, whoever takes it.

    A step is a statement and the move of the firing, in one transaction. So where a process dies,
    or takes longer than it had, another goes on after the last step that was taken. Each step gives
    the process its time anew, so that many steps are not taken for a process that died.
    """

    def __init__(
        self, graph: AsyncGraph, key: str, work: str, taken_by: str, seconds: float
    ) -> None:
        """Args:
        work: What is done by these steps. How far a firing came by other work, such as before its
            trigger was put to do another thing, does not count.
        taken_by: By what the firing was taken; no step is taken once another has taken it.
        seconds: How long the process has after each step.
        """
        self._graph = graph
        self._firing = {"key": key, "work": work, "taken_by": taken_by, "seconds": seconds}
        self.place = ""
        """Where the firing is, as far as this process knows."""
        self.changed = 0
        """How much its steps have changed."""

    async def step(
        self, name: str, missing: OrchestrationError | None, *, to: str = END, **params: Any
    ) -> Rows:
        """Run a statement as the next step; no rows where somebody has taken it before.

        What a row has as its `number` is added to how much was changed.

        Args:
            missing: What is raised where the statement has no row: no step was taken then.
            to: Where the firing is after it.

        Raises:
            TakenAwayError: the firing is not this process's any more.
        """
        work = ({**self._firing, "from": self.place, "to": to}, name, params, missing)
        self.place, self.changed, rows = await self._graph.transaction(_step, *work)
        return rows


async def _step(
    tx: AsyncTransaction,
    move: dict[str, Any],
    name: str,
    params: dict[str, Any],
    missing: OrchestrationError | None,
) -> tuple[str, int, Rows]:
    found = await tx.run("triggers/step", **move)
    if not found:
        raise TakenAwayError("the trigger was removed, or another process has taken the firing")
    if not found[0]["moved"]:
        return found[0]["place"], found[0]["changed"], []
    rows = await tx.run(name, **params)
    if not rows and missing is not None:
        raise missing
    number = sum(row.get("number") or 0 for row in rows)
    (told,) = await tx.run("triggers/count", key=move["key"], number=number)
    return move["to"], told["changed"], rows
