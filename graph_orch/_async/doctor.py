"""The integrity check: compares counters and derived edges with what they are derived from."""

from __future__ import annotations

from graph_orch._async.graph import AsyncGraph
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import DoctorReport, Finding

CHECKS = (
    "active_tasks",
    "limits",
    "budgets",
    "unmet",
    "readiness",
    "due",
    "put_aside",
    "agent_skills",
    "lanes",
    "team_members",
    "team_sizes",
    "part_of",
    "workflows",
)
"""Each is a statement `doctor/<check>`. It finds what is wrong, and is asked again with the `nodes`
that it found to put them right: a part of them in each transaction, which locks no others."""
REPAIRED_AT_ONCE = 500


class AsyncDoctor:
    """Examines one graph."""

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph

    async def examine(self, repair: bool) -> DoctorReport:
        """Run every check; with `repair`, put right what they find."""
        findings: list[Finding] = []
        for check in CHECKS:
            found = await self._look(check, None)
            findings += await self._repaired(check, found) if repair else found
        return DoctorReport(findings=findings, repaired=len(findings) if repair else 0)

    async def _repaired(self, check: str, found: list[Finding]) -> list[Finding]:
        nodes = [finding.node for finding in found]
        repaired: list[Finding] = []
        for start in range(0, len(nodes), REPAIRED_AT_ONCE):
            repaired += await self._look(check, nodes[start : start + REPAIRED_AT_ONCE])
        return repaired

    async def _look(self, check: str, nodes: list[str] | None) -> list[Finding]:
        rows = await self._graph.write(f"doctor/{check}", nodes=nodes, command_id=new_hex())
        return [Finding.from_record(check, row) for row in rows]
