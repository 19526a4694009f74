"""What if: a workload run through simulated agents, by the rules of the store.

from graph_orch.analysis import compare, identical_agents, simulate
from graph_orch.analysis.wfformat import read_workflow

workflow = read_workflow(path)
agents = identical_agents(4, workflow, max_concurrent_tasks=2)
results = {mode: simulate(workflow, agents, mode=mode) for mode in ("push", "pull")}
print(compare(results))
"""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
