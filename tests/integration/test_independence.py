"""A task that is to be independent of others is given to nobody who worked on them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_orch import (
    DependencyNotFoundError,
    NewTask,
    NotIndependentError,
    ValidationError,
    analysis,
)

NOBODY = "01a217f6-21e2-7c6c-b649-711dba5bfd08"


@pytest.fixture
def crew(orch):
    for name in ("ada", "bob"):
        orch.agents.register_agent(name, [], max_concurrent_tasks=100)


def do(orch, task_id, agent_id="ada"):
    """Let an agent do a task."""
    orch.tasks.assign_task(task_id, agent_id)
    orch.tasks.start_task(task_id)
    orch.tasks.complete_task(task_id)


def claimed(orch, agent_id):
    return {claim.task_id for claim in orch.tasks.claim_tasks(agent_id, 100)}


@pytest.mark.parametrize("of", ["dependencies", "ancestors", "ids"])
def test_whoever_worked_on_it_is_not_given_it(orch, crew, new_task, of):
    first = new_task()
    second = new_task(dependencies=[first])
    given = {"ids": [first, second]}.get(of, of)
    review = new_task(dependencies=[second], independent_of=given)
    do(orch, first, "ada")
    do(orch, second, "bob")
    barred = {"dependencies": {"bob"}}.get(of, {"ada", "bob"})
    for name in ("ada", "bob"):
        if name in barred:
            assert claimed(orch, name) == set()
            assert orch.tasks.poll_tasks(name) == []
            with pytest.raises(NotIndependentError, match=name):
                orch.tasks.assign_task(review, name)
    if barred == {"bob"}:
        assert orch.router.route_task(review) == "ada"
        orch.tasks.assign_task(review, "ada")
        with pytest.raises(NotIndependentError):
            orch.tasks.reassign_task(review, "bob")
        return
    assert orch.router.route_task(review) is None
    assert orch.router.dispatch_task(review) is None
    (reason,) = orch.insights.why_blocked(review).reasons
    assert "worked on what it is to be independent of" in reason.sentence
    assert "nobody independent is left" in reason.sentence
    if of != "ids":
        (advice,) = orch.monitor.get_recommendations()
        assert advice.kind == "agents_excluded"
    orch.agents.register_agent("eve", [])
    assert orch.router.dispatch_task(review) == "eve"
    assert orch.doctor().findings == []


def test_any_try_counts_that_began_and_no_other(orch, crew, new_task):
    draft = new_task(max_retries=9)
    orch.tasks.assign_task(draft, "ada")
    orch.tasks.release_task(draft)  # she did not begin
    orch.tasks.assign_task(draft, "bob")
    orch.tasks.start_task(draft)
    orch.tasks.fail_task(draft, "no")
    orch.agents.register_agent("eve", [])
    do(orch, draft, "eve")
    new_task(dependencies=[draft], independent_of="ancestors")
    assert claimed(orch, "bob") == claimed(orch, "eve") == set()
    assert len(claimed(orch, "ada")) == 1


def test_it_looks_at_what_happens_to_named_tasks_later(orch, crew, new_task):
    draft = new_task(requirements=["writing"])
    review = new_task(independent_of=[draft], max_retries=9)
    orch.agents.register_agent("ada", ["writing"])
    assert orch.router.route_task(review) in ("ada", "bob")
    orch.tasks.assign_task(draft, "ada")  # she may begin any time
    assert orch.router.route_task(review) == "bob"
    assert claimed(orch, "ada") == set()
    orch.tasks.start_task(draft)
    orch.tasks.fail_task(draft, "no")
    assert claimed(orch, "ada") == {draft}
    # The other way round nothing is asked: who reviews may write what is written later.
    assert claimed(orch, "bob") == {review}


def test_one_claim_does_not_take_both(orch, new_task):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=100)
    draft = new_task()
    review = new_task(independent_of=[draft])
    assert claimed(orch, "ada") == {draft}
    assert claimed(orch, "ada") == set()
    orch.agents.register_agent("bob", [])
    assert claimed(orch, "bob") == {review}


def test_many_claim_at_once_and_nobody_reviews_what_he_wrote(orch, new_task):
    names = [f"agent-{n}" for n in range(8)]
    for name in names:
        orch.agents.register_agent(name, [], max_concurrent_tasks=1_000)
    drafts = [new_task() for _ in range(60)]
    for draft in drafts:
        new_task(task_type="review", independent_of=[draft])

    def work(name):
        for _ in range(40):
            orch.tasks.claim_tasks(name, 3)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, names))
    rows = orch.graph.query(
        "MATCH (t:Task)-[:ASSIGNED_TO]->(a) UNWIND t.independent_of AS id "
        "MATCH (:Task {task_id: id})-[:ASSIGNED_TO]->(b) RETURN a.agent_id, b.agent_id"
    )[1]
    assert len(rows) == 60
    assert all(reviewer != writer for reviewer, writer in rows)


def test_ancestors_are_each_seen_once(orch, crew, new_task, cypher):
    """A ladder of diamonds has 2 ** 40 ways to its top, and a chain is long."""
    top = new_task()
    do(orch, top, "ada")
    batch: list[NewTask] = []
    last = [top]
    for _ in range(40):
        rung = [NewTask(content="x", task_type="rung", dependencies=last) for _ in range(2)]
        batch += rung
        last = [it.task_id for it in rung]
    for _ in range(2_000):
        batch.append(NewTask(content="x", task_type="rung", dependencies=last))
        last = [batch[-1].task_id]
    orch.tasks.create_tasks(batch)
    extra = new_task()
    review = new_task(dependencies=[*last, extra], independent_of="ancestors")
    cypher(
        "MATCH (t:Task {task_type: 'rung'}) REMOVE t:PendingTask:BlockedTask "
        "SET t:CompletedTask, t.status = 'completed', t.unmet = 0"
    )
    cypher("MATCH (t:Task {task_id: $id}) SET t.unmet = 1", id=review)
    do(orch, extra, "bob")
    assert set(orch.tasks.get_task(review).excluded_agents) == {"ada", "bob"}


def test_a_dependency_that_comes_later_counts_too(orch, crew, new_task):
    draft = new_task()
    do(orch, draft, "ada")
    review = new_task(independent_of="dependencies")
    orch.tasks.add_dependency(review, draft)
    assert claimed(orch, "ada") == set()
    assert claimed(orch, "bob") == {review}


def test_names_and_bad_input(orch, crew, new_task):
    flow = orch.workflows.start(
        "paper",
        [
            {"content": "x", "task_type": "any", "name": "draft"},
            {"content": "x", "task_type": "any", "name": "review", "independent_of": ["draft"]},
        ],
    )
    draft, review = sorted(
        orch.tasks.query_tasks({"workflow_id": flow.workflow_id}), key=lambda it: it.name
    )
    assert review.independent_of == [draft.task_id]
    with pytest.raises(DependencyNotFoundError):
        new_task(independent_of=[NOBODY])
    with pytest.raises(ValidationError, match="ancestors"):
        new_task(independent_of=["ancestors", draft.task_id])
    with pytest.raises(ValidationError, match="itself"):
        new_task(task_id=NOBODY, independent_of=[NOBODY])


def test_a_simulation_of_what_is_left_keeps_to_it(orch, crew, new_task):
    """By what was done in the store, and by what is done in the simulation."""
    first = new_task()
    second = new_task(dependencies=[first])
    after = {"dependencies": [second]}
    judged = new_task(independent_of="ancestors", max_retries=0, **after)
    new_task(independent_of=[second], **after)
    do(orch, first, "ada")
    graph = analysis.snapshot(orch, "all")
    left = analysis.simulation.tasks_of(graph, live_only=True)
    for name, barred in (("bob", {"ada", "bob"}), ("ada", {"ada"})):
        # Who is let to do the second is the router's choice, which the rest follows.
        result = analysis.simulation.simulate(
            left,
            graph,
            router=lambda task, found, now, name=name: _chosen(task, found, second, name),
        )
        by_id = {it.task_id: it for it in result.tasks}
        assert by_id[second].agent_id == name
        assert by_id[judged].agent_id == next(iter({"ada", "bob"} - barred), None)
        others = [it for it in result.tasks if it.task_id not in (second, judged)]
        assert [it.agent_id for it in others] == [{"ada": "bob", "bob": "ada"}[name]]


def _chosen(task, found, second, name):
    return name if task.task_id == second else found[0].agent_id
