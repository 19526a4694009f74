"""What if: a workload run through simulated agents, by the rules of the store.

from graph_orch.analysis import compare, identical_agents, simulate
from graph_orch.analysis.wfformat import read_workflow

workflow = read_workflow(path)
agents = identical_agents(4, workflow, max_concurrent_tasks=2)
results = {mode: simulate(workflow, agents, mode=mode) for mode in ("push", "pull")}
print(compare(results))
"""

from graph_orch.analysis.simulation.arrivals import Law, poisson_tasks
from graph_orch.analysis.simulation.dispatch import AgentView, Router
from graph_orch.analysis.simulation.recorded import agents_of, observed_failure_rates, tasks_of
from graph_orch.analysis.simulation.replications import (
    Estimate,
    Replications,
    compare,
    estimate,
    replicate,
)
from graph_orch.analysis.simulation.results import (
    AgentResult,
    Outcome,
    SimulationResult,
    TaskResult,
    Try,
    Waits,
)
from graph_orch.analysis.simulation.run import Mode, simulate
from graph_orch.analysis.simulation.variations import (
    arriving_at,
    identical_agents,
    scale_arrivals,
    scale_capacity,
    scale_speed,
    unlimited,
    without,
)
from graph_orch.analysis.simulation.workload import SimulatedAgent, SimulatedTask

__all__ = [
    "AgentResult",
    "AgentView",
    "Estimate",
    "Law",
    "Mode",
    "Outcome",
    "Replications",
    "Router",
    "SimulatedAgent",
    "SimulatedTask",
    "SimulationResult",
    "TaskResult",
    "Try",
    "Waits",
    "agents_of",
    "arriving_at",
    "compare",
    "estimate",
    "identical_agents",
    "observed_failure_rates",
    "poisson_tasks",
    "replicate",
    "scale_arrivals",
    "scale_capacity",
    "scale_speed",
    "simulate",
    "tasks_of",
    "unlimited",
    "without",
]
