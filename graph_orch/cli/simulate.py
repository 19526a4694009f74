"""`graph-orch simulate`: what a recorded workflow would take, without running it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from graph_orch.analysis.wfformat import read_workflow
from graph_orch.cli.output import Json, say, show_json, show_table
from graph_orch.cli.run import File, critical_path, makespan_line
from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    from graph_orch.analysis.simulation import SimulationResult
    from graph_orch.domain.dag import CriticalPath

AGENT_COLUMNS = ["agent", "slots", "completed", "failed", "busy s", "utilization"]

Agents = Annotated[int, typer.Option(min=1, max=100_000, help="How many agents.")]
Slots = Annotated[int, typer.Option(min=1, max=100_000, help="How many tasks each holds at once.")]
FailureRate = Annotated[float, typer.Option(min=0, max=1, help="The share of tries that fail.")]
Seed = Annotated[int, typer.Option(min=0, help="The seed of the random numbers.")]
Pull = Annotated[
    bool, typer.Option("--pull", help="Agents claim tasks; otherwise the router assigns them.")
]


def simulate(
    file: File,
    agents: Agents = 4,
    slots: Slots = 2,
    failure_rate: FailureRate = 0.0,
    seed: Seed = 0,
    pull: Pull = False,
    as_json: Json = False,
) -> None:
    """Simulate a workflow recorded in WfFormat: how long it would take so many agents.

    Nothing is run and no store is needed; every agent has the skills for every program.
    """
    workflow = read_workflow(file)
    try:
        from graph_orch.analysis.simulation import identical_agents
        from graph_orch.analysis.simulation import simulate as run

        crew = identical_agents(agents, workflow, max_concurrent_tasks=slots)
    except ImportError as error:
        raise ValidationError("install graph-orch[analysis] to simulate") from error
    mode = "pull" if pull else "push"
    found = run(workflow, crew, failure_rates=failure_rate, seed=seed, mode=mode)
    path = critical_path(workflow)
    if as_json:
        show_json(
            {
                "workflow": workflow.name,
                "tasks": len(workflow.steps),
                "mode": found.mode,
                "seed": found.seed,
                **found.summary(),
                "critical_path_seconds": path.seconds,
                "critical_path": list(path.path),
                "agents": [asdict(agent) for agent in found.agents],
            }
        )
    else:
        _show(found, path)


def _show(found: SimulationResult, path: CriticalPath[str]) -> None:
    rows = [
        (
            agent.agent_id,
            agent.max_concurrent_tasks,
            agent.completed,
            agent.failed,
            agent.busy_seconds,
            agent.utilization,
        )
        for agent in found.agents
    ]
    show_table(AGENT_COLUMNS, rows, title="agents, simulated")
    say(", ".join(f"{count} tasks {outcome}" for outcome, count in found.counts.items() if count))
    say(makespan_line(found.makespan, path))
    waits = found.waits
    say(
        f"waits: mean {waits.mean:.2f} s, p50 {waits.p50:.2f} s, p90 {waits.p90:.2f} s, "
        f"p99 {waits.p99:.2f} s; at most {found.longest_queue} tasks waited"
    )
