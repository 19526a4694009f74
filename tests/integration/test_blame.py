"""What counts as an agent's failure, and what is nobody's: all that judges it agrees."""

from __future__ import annotations

import pytest

from graph_orch import RecommendationKind
from graph_orch.analysis import snapshot
from graph_orch.analysis.history import success_rates
from graph_orch.analysis.simulation import agents_of, observed_failure_rates

MOMENTS = ("created_at", "due_at", "started_at", "lease_expires_at", "finish_by", "close_by")


@pytest.fixture
def worker(orch):
    return orch.agents.register_agent("worker", ["py"], max_concurrent_tasks=8).agent_id


@pytest.fixture
def pass_time(cypher, orch):
    """Let seconds pass, as the tasks see it, and let the queue look."""

    def shift(seconds: float) -> None:
        for name in MOMENTS:
            cypher(
                f"MATCH (t:Task) WHERE t.{name} IS NOT NULL "
                f"SET t.{name} = t.{name} - duration({{seconds: $seconds}})",
                seconds=seconds,
            )
        orch.tasks.process_due()

    return shift


def counted(orch, agent_id: str) -> int:
    """How many failures the agent has, said alike by all that judges it."""
    agent = orch.agents.get_agent(agent_id)
    ended = agent.total_completed + agent.total_failed
    assert agent.success_rate == (agent.total_completed / ended if ended else 1.0)
    graph = snapshot(orch, "all")
    rate = success_rates(graph, "agent").of(agent_id)
    assert (rate.successes, rate.n) == (agent.total_completed, ended)
    assert observed_failure_rates(agents_of(graph)) == {agent_id: 1 - agent.success_rate}
    assert orch.doctor().is_sound
    return agent.total_failed


@pytest.mark.parametrize(
    ("said", "failures"),
    [
        ({"error_class": "budget"}, 0),
        ({"error_class": "capability"}, 0),
        ({"error_class": "budget", "should_retry": False}, 0),
        ({"error_class": "capability", "exclude_agent": True, "retry_after": 60}, 0),
        ({"error_class": "transient"}, 1),
        ({"error_class": "permanent"}, 1),
        ({"exclude_agent": True}, 1),
        ({"should_retry": False}, 1),
    ],
)
def test_class_of_error_says_whose_failure_it_is(orch, new_task, worker, said, failures):
    task_id = new_task()
    (claim,) = orch.tasks.claim_tasks(worker, start=True)
    orch.tasks.fail(claim, "no", **said)
    assert counted(orch, worker) == failures
    (only,) = orch.tasks.get_tries(task_id)
    assert (only.outcome, only.blameless) == ("failed", not failures)
    assert orch.agents.get_agent(worker).active_tasks == 0


def test_blameless_failures_cost_neither_slots_nor_health_nor_rank(orch, new_task, worker):
    for number in range(6):
        new_task()
        (claim,) = orch.tasks.claim_tasks(worker, start=True)
        orch.tasks.fail(claim, "no", error_class=("budget", "capability")[number % 2])
    new_task()
    (claim,) = orch.tasks.claim_tasks(worker, start=True)
    orch.tasks.complete(claim)
    assert counted(orch, worker) == 0
    assert orch.agents.get_agent_health(worker).status == "healthy"
    assert orch.monitor.get_recommendations([RecommendationKind.LOW_SUCCESS]) == []
    assert orch.router.rank_candidates([worker]) == [(worker, 1.0)]


@pytest.mark.parametrize(
    ("start_after", "start", "failures"),
    [
        (0, False, 0),  # it lay assigned until its time was up
        (0, True, 1),  # the agent had all of the time
        (29, True, 1),
        (31, True, 0),  # most of the time was gone when it began
    ],
)
def test_overall_time_counts_where_the_agent_had_most_of_it(
    orch, new_task, worker, pass_time, start_after, start, failures
):
    task_id = new_task(schedule_to_close_seconds=60)
    pass_time(start_after)
    orch.tasks.assign_task(task_id, worker)
    if start:
        orch.tasks.start_task(task_id)
    pass_time(61 - start_after)
    assert orch.tasks.get_task_status(task_id).status == "failed"
    assert counted(orch, worker) == failures
    assert [one.outcome for one in orch.tasks.get_tries(task_id)] == ["timed_out"]


@pytest.mark.parametrize("seconds", [11, 61])
def test_silent_holder_counts_also_where_the_overall_time_ran_out_after(
    orch, new_task, worker, pass_time, seconds
):
    new_task(schedule_to_close_seconds=60)
    orch.tasks.claim_tasks(worker, lease_seconds=10)
    pass_time(seconds)
    assert counted(orch, worker) == 1


def test_time_of_a_try_counts(orch, new_task, worker, pass_time):
    new_task(start_to_close_seconds=10)
    orch.tasks.claim_tasks(worker, lease_seconds=60, start=True)
    pass_time(11)
    assert counted(orch, worker) == 1


@pytest.mark.parametrize("start", [False, True])
def test_giving_back_and_cancelling_count_for_nobody(orch, new_task, worker, start):
    for end in (orch.tasks.release_task, orch.tasks.cancel_task):
        new_task()
        (claim,) = orch.tasks.claim_tasks(worker, start=start)
        end(claim.task_id)
    assert counted(orch, worker) == 0


def test_deregistering_gives_back_and_counts_nothing(orch, new_task, worker):
    new_task()
    orch.tasks.claim_tasks(worker, start=True)
    orch.agents.deregister_agent(worker)
    assert orch.agents.register_agent(worker, ["py"]).total_failed == 0
