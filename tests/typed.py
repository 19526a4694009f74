"""How users build models, for the type checker: nothing here runs."""

from __future__ import annotations

from graph_orch import AgentFilters, NewTask, Orchestrator, RetryPolicy, TaskFilters

task = NewTask(
    content="sort this",
    task_type="code",
    requirements=["python"],
    dependencies=("01a217f6-21e2-7c6c-b649-711dba5bfd08",),
    priority="high",
    on_dependency_failure="cancel",
    retry_policy=RetryPolicy(non_retryable=["ValueError"]),
    metadata={"cost": [1, 2.5]},
)
kept: tuple[str, ...] = task.requirements
filters = TaskFilters(status="pending", agent_id=["ada"], priority=["high"])
agents = AgentFilters(skill=["python"])


def use(orch: Orchestrator) -> None:
    orch.tasks.create_tasks([task])
    orch.tasks.query_tasks(filters)
    orch.schedules.put("nightly", "0 3 * * *", task)
