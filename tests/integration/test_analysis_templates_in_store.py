"""From a workflow that was done, through its template, to one that is done again."""

from __future__ import annotations

import networkx as nx

from graph_orch import Orchestrator
from graph_orch.analysis.history import success_rates, time_use
from graph_orch.analysis.templates import mine_templates


def tasks_graph(orch: Orchestrator) -> nx.DiGraph:
    """The tasks as a snapshot has them."""
    graph = nx.DiGraph(kind="tasks")
    for task in orch.tasks.query_tasks(limit=1_000):
        fields = task.model_dump(exclude={"dependencies"}, exclude_none=True)
        tries = [one.model_dump() for one in orch.tasks.get_tries(task.task_id)]
        graph.add_node(task.task_id, label="Task", tries=tries, **fields)
        graph.add_edges_from(
            ((task.task_id, other) for other in task.dependencies), type="DEPENDS_ON"
        )
    return graph


def work_off(orch: Orchestrator, agent_id: str) -> list[str]:
    """Do what is ready until nothing is; the types in the order in which they were done."""
    done: list[str] = []
    while ready := orch.tasks.poll_tasks(agent_id=agent_id):
        task = ready[0]
        orch.tasks.assign_task(task.task_id, agent_id)
        orch.tasks.start_task(task.task_id)
        orch.tasks.complete_task(task.task_id, {"done": task.content})
        done.append(task.task_type)
    return done


def test_what_was_done_is_done_again(orch, new_task):
    orch.agents.register_agent("ada", ["read", "write"])
    split = new_task("split", "split", requirements=["read"], priority="high")
    works = [new_task(f"w{i}", "work", dependencies=[split]) for i in range(3)]
    new_task("join", "join", requirements=["write"], dependencies=works)
    orch.tasks.assign_task(split, "ada")
    orch.tasks.start_task(split)
    orch.tasks.fail_task(split, "not yet")  # and then at its second try
    done = work_off(orch, "ada")
    assert done == ["split", "work", "work", "work", "join"]

    graph = tasks_graph(orch)
    found = mine_templates(graph, min_support=1)
    (template,) = found.workflows
    assert (found.instances, found.in_progress, template.occurrences) == (1, 0, 1)
    assert (template.success, template.first_try) == (1, 0)
    assert template.seconds.n == 1
    assert success_rates(graph, "task_type").of("split").n == 2
    assert time_use(graph).oddities == ()

    batch = template.instantiate({"work": "again"}, idempotency_prefix="second")
    ids = orch.tasks.create_tasks(batch)
    assert ids == [task.task_id for task in batch]
    repeated = template.instantiate({"work": "again"}, idempotency_prefix="second")
    assert orch.tasks.create_tasks(repeated) == ids
    assert mine_templates(tasks_graph(orch)).in_progress == 1
    assert work_off(orch, "ada") == done

    again = [task for task in orch.tasks.get_tasks(ids) if task is not None]
    assert {task.status.value for task in again} == {"completed"}
    assert again[0].requirements == ["read"]
    assert again[0].priority.value == "high"
    (same,) = mine_templates(tasks_graph(orch)).workflows
    assert (same.workflows, same.first_try) == (2, 0.5)


def test_a_fan_is_made_wider(orch, new_task):
    orch.agents.register_agent("ada", ["any"])
    split = new_task("split", "split")
    for i in range(2):
        new_task(f"w{i}", "work", dependencies=[split])
    work_off(orch, "ada")
    (fan,) = mine_templates(tasks_graph(orch), min_support=1).fans
    ids = orch.tasks.create_tasks(fan.instantiate(width=5))
    assert len(ids) == 6
    assert work_off(orch, "ada") == ["split", *["work"] * 5]
