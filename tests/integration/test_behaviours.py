"""The behaviours that this system began with."""

from __future__ import annotations

from uuid import UUID

import pytest

from graph_orch import HealthStatus, TaskStatus


def test_create_task_returns_id(orch):
    assert UUID(orch.tasks.create_task("find papers", "research"))


def test_get_task_status(orch, new_task):
    task_id = new_task("find papers", "research", priority="high", metadata={"year": 2026})
    task = orch.tasks.get_task_status(task_id)
    assert (task.task_id, task.status, task.content) == (task_id, "pending", "find papers")
    assert (task.priority, task.metadata) == ("high", {"year": 2026})
    assert orch.tasks.get_task_status("00000000-0000-4000-8000-000000000000") is None


def test_poll_pending_tasks(orch, new_task):
    orch.agents.register_agent("ada", ["python"])
    covered = new_task(requirements=["python"])
    new_task(requirements=["cobol"])
    assert [task.task_id for task in orch.tasks.poll_tasks("ada")] == [covered]
    assert len(orch.tasks.poll_tasks()) == 2
    assert len(orch.tasks.poll_tasks(limit=1)) == 1


def test_assign_task(orch, new_task):
    orch.agents.register_agent("ada", [])
    task = orch.tasks.assign_task(new_task(), "ada")
    assert (task.status, task.assigned_to, task.attempt) == ("assigned", "ada", 1)
    assert orch.agents.get_agent("ada").active_tasks == 1
    assert [held.task_id for held in orch.tasks.poll_tasks("ada", "assigned")] == [task.task_id]


def test_complete_task(orch, running):
    task = orch.tasks.complete_task(running().task_id, {"answer": 42}, {"duration_ms": 120})
    assert (task.status, task.result, task.success) == ("completed", {"answer": 42}, True)
    assert task.execution_duration_ms == 120
    assert orch.agents.get_agent("worker").active_tasks == 0


def test_fail_task_with_retry(orch, running):
    task = orch.tasks.fail_task(running().task_id, "out of tea")
    assert (task.status, task.retry_count, task.error_message) == ("pending", 1, "out of tea")
    assert [ready.task_id for ready in orch.tasks.poll_tasks()] == [task.task_id]


def test_fail_task_no_retry(orch, running):
    task = orch.tasks.fail_task(running().task_id, "no such file", should_retry=False)
    assert (task.status, task.success) == ("failed", False)
    assert orch.tasks.poll_tasks() == []


def test_task_dependencies(orch, new_task, running):
    first = running()
    second = new_task(dependencies=[first.task_id])
    assert orch.tasks.poll_tasks() == []
    orch.tasks.complete_task(first.task_id)
    (ready,) = orch.tasks.poll_tasks()
    assert (ready.task_id, ready.dependencies) == (second, [first.task_id])


def test_task_priority_sorting(orch, new_task):
    given = [new_task(priority=name) for name in ("low", "high", "medium", "high")]
    polled = [task.task_id for task in orch.tasks.poll_tasks()]
    assert polled == [given[1], given[3], given[2], given[0]]


def test_query_tasks_with_filters(orch, new_task, running):
    busy = running(task_type="code", requirements=["python"])
    idle = new_task("write about owls", "text", priority="low")

    def ids(**filters):
        return [task.task_id for task in orch.tasks.query_tasks(filters)]

    assert ids() == [busy.task_id, idle]
    assert ids(status="running") == ids(task_type=["code"]) == ids(agent_id="worker")
    assert ids(requirement="PYTHON") == ids(status="running") == [busy.task_id]
    assert ids(text="owls about") == ids(priority="low") == ids(status="pending") == [idle]
    assert ids(created_after=orch.tasks.get_task_status(idle).created_at) == [idle]
    assert ids(status=["pending", "running"], task_type="text") == [idle]


def test_queue_statistics(orch, new_task, running):
    orch.tasks.complete_task(running().task_id, metrics={"duration_ms": 100})
    orch.tasks.complete_task(running().task_id, metrics={"duration_ms": 300})
    orch.tasks.fail_task(running().task_id, "no", should_retry=False)
    new_task(dependencies=[new_task()])
    found = orch.tasks.get_queue_statistics()
    assert (found.pending_count, found.ready_count, found.blocked_count) == (2, 1, 1)
    assert (found.completed_count, found.failed_count, found.running_count) == (2, 1, 0)
    assert found.success_rate == pytest.approx(2 / 3)
    assert found.avg_execution_time_ms == 200
    assert (found.total_count(), found.active_count()) == (5, 2)
    assert found.oldest_ready_age_seconds >= 0


def test_register_agent(orch):
    agent = orch.agents.register_agent("ada", [" Python ", "ml"], max_concurrent_tasks=2)
    assert (agent.agent_id, agent.capabilities) == ("ada", ["Python", "ml"])
    assert (agent.max_concurrent_tasks, agent.success_rate) == (2, 1.0)
    again = orch.agents.register_agent("ada", ["ML"], {"max_concurrent_tasks": 3})
    assert (again.capabilities, again.max_concurrent_tasks) == (["ml"], 3)
    assert again.registered_at == agent.registered_at


def test_find_agents_by_capability(orch):
    orch.agents.register_agent("ada", ["python", "ml"])
    orch.agents.register_agent("bob", ["python"])
    assert orch.agents.get_agents_by_capability(["PYTHON"]) == ["ada", "bob"]
    assert orch.agents.get_agents_by_capability(["ml", "python"]) == ["ada"]
    assert orch.agents.get_agents_by_capability(["cobol"]) == []
    assert orch.router.find_capable(["ml"]) == ["ada"]


def test_agent_health(orch, running):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=1)
    assert orch.agents.get_agent_health("ada").status is HealthStatus.HEALTHY
    task = running("ada")
    assert orch.agents.get_agent_health("ada").status is HealthStatus.SATURATED
    orch.tasks.complete_task(task.task_id)
    for _ in range(4):
        orch.agents.update_agent_performance("ada", False, 10)
    assert orch.agents.get_agent_health("ada").status is HealthStatus.DEGRADED
    assert orch.agents.get_agent_health("nobody").status is HealthStatus.NOT_FOUND


def test_agent_performance_tracking(orch):
    orch.agents.register_agent("ada", [])
    orch.agents.update_agent_performance("ada", True, 100)
    orch.agents.update_agent_performance("ada", True, 200)
    agent = orch.agents.update_agent_performance("ada", False, 900)
    assert (agent.total_completed, agent.total_failed) == (2, 1)
    assert agent.success_rate == pytest.approx(2 / 3)
    assert agent.avg_completion_ms == 150


def test_learn_new_capability(orch, new_task):
    orch.agents.register_agent("ada", ["python"])
    task_id = new_task(requirements=["rust"])
    assert orch.tasks.poll_tasks("ada") == []
    assert orch.agents.learn_new_capability("ada", "Rust", 0.7).capabilities == ["python", "rust"]
    assert [task.task_id for task in orch.tasks.poll_tasks("ada")] == [task_id]
    assert orch.agents.forget_capability("ada", "rust").capabilities == ["python"]
    assert orch.tasks.poll_tasks("ada") == []


def test_deregister_agent(orch, running):
    task = running("ada")
    orch.agents.deregister_agent("ada")
    assert orch.agents.get_agent("ada") is None
    returned = orch.tasks.get_task_status(task.task_id)
    assert (returned.status, returned.assigned_to, returned.retry_count) == ("pending", None, 0)
    assert [event.agent_id for event in orch.tasks.get_history(task.task_id)][1] == "ada"


def test_agent_statistics(orch, running):
    orch.agents.register_agent("ada", ["python"], max_concurrent_tasks=2)
    orch.agents.register_agent("bob", ["python", "ml"])
    running("ada")
    found = orch.agents.get_agent_statistics()
    assert (found.total_agents, found.avg_success_rate) == (2, 1.0)
    assert found.skill_distribution == {"ml": 1, "python": 2}
    assert [load.utilization for load in found.load] == [0.5, 0.0]


def test_route_task_to_capable_agent(orch, new_task):
    orch.agents.register_agent("ada", ["python"])
    orch.agents.register_agent("bob", ["ml"])
    task_id = new_task(requirements=["ml"])
    assert orch.router.route_task(task_id) == "bob"
    assert orch.tasks.get_task_status(task_id).status is TaskStatus.PENDING


def test_route_task_no_capable_agent(orch, new_task):
    orch.agents.register_agent("ada", ["python"])
    task_id = new_task(requirements=["ml"])
    assert orch.router.route_task(task_id) is None
    assert orch.router.dispatch_task(task_id) is None
    assert orch.router.get_routing_statistics().unroutable_count == 1


def test_rank_candidates_by_success_rate(orch, running):
    for agent_id in ("ada", "bob", "eve"):
        orch.agents.register_agent(agent_id, [], max_concurrent_tasks=2)
    orch.agents.update_agent_performance("bob", False, 1)
    orch.agents.update_agent_performance("bob", True, 1)
    running("eve")
    running("eve")
    ranked = orch.router.rank_candidates(["eve", "bob", "ada", "nobody"])
    assert ranked == [("ada", 1.0), ("bob", 0.5), ("eve", 0.0)]


def test_exclude_agents_from_routing(orch, new_task):
    orch.agents.register_agent("ada", [])
    orch.agents.register_agent("bob", [])
    task_id = new_task()
    assert orch.router.route_task(task_id, exclude_agents=["ada"]) == "bob"
    assert orch.router.dispatch_task(task_id, exclude_agents=["ada", "bob"]) is None
    assert orch.router.dispatch_task(task_id, exclude_agents=["bob"]) == "ada"


def test_research_workflow(orch, new_task):
    orch.agents.register_agent("reader", ["research"])
    orch.agents.register_agent("writer", ["writing"])
    papers = new_task("find papers", "research", requirements=["research"])
    report = new_task("report", "text", requirements=["writing"], dependencies=[papers])
    for task_id, agent_id in ((papers, "reader"), (report, "writer")):
        assert orch.router.dispatch_task(task_id) == agent_id
        orch.tasks.start_task(task_id)
        assert orch.tasks.complete_task(task_id, {"by": agent_id}).status == "completed"
    assert orch.tasks.get_queue_statistics().completed_count == 2


def test_multi_task_workflow(orch, new_task):
    for number in range(3):
        orch.agents.register_agent(f"agent-{number}", ["any"], max_concurrent_tasks=2)
    ids = [new_task(requirements=["any"]) for _ in range(6)]
    given = [orch.router.dispatch_task(task_id) for task_id in ids]
    assert sorted(given) == [f"agent-{number // 2}" for number in range(6)]
    assert orch.router.dispatch_task(new_task(requirements=["any"])) is None
    for task_id in ids:
        orch.tasks.start_task(task_id)
        orch.tasks.complete_task(task_id)
    assert orch.router.get_routing_statistics().routed_count == 6
    assert orch.doctor().findings == []
