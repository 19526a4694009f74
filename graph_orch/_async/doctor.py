"""The integrity check: what is counted or derived, against what it is counted or derived from."""

from __future__ import annotations

from graph_orch._async.graph import AsyncGraph
from graph_orch.ids import new_hex
from graph_orch.models import DoctorReport, Finding

CHECKS = (
    "active_tasks",
    "limits",
    "unmet",
    "readiness",
    "due",
    "agent_skills",
    "lanes",
    "team_members",
    "team_sizes",
)
"""Each is a statement `doctor/<check>`; `$repair` lets it put right what it finds."""


class AsyncDoctor:
    """Examines one graph."""

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph

    async def examine(self, repair: bool) -> DoctorReport:
        """Run every check; with `repair`, put right what they find."""
        findings: list[Finding] = []
        for check in CHECKS:
            rows = await self._graph.write(f"doctor/{check}", repair=repair, command_id=new_hex())
            findings += [Finding.from_record(check, row) for row in rows]
        return DoctorReport(findings=findings, repaired=len(findings) if repair else 0)
