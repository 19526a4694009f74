"""Commands and statuses: what is allowed, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from graph_orch import (
    AgentAtCapacityError,
    AgentNotFoundError,
    DependencyCycleError,
    DependencyNotFoundError,
    InvalidTransitionError,
    MissingCapabilityError,
    NewTask,
    StaleAttemptError,
    TaskConflictError,
    TaskError,
    TaskNotDueError,
    TaskNotFoundError,
    TaskStatus,
    TryOutcome,
    UnmetDependencyError,
    ValidationError,
)
from graph_orch._sync import agents
from graph_orch.domain.lifecycle import TRANSITIONS, Command

NOBODY = "00000000-0000-4000-8000-000000000000"


def ask(orch, command: Command, task_id: str):  # noqa: C901
    """Ask for a command, with whatever else it needs."""
    tasks = orch.tasks
    match command:
        case Command.ASSIGN:
            return tasks.assign_task(task_id, "worker")
        case Command.REASSIGN:
            return tasks.reassign_task(task_id, "other")
        case Command.START:
            return tasks.start_task(task_id)
        case Command.COMPLETE:
            return tasks.complete_task(task_id)
        case Command.FAIL:
            return tasks.fail_task(task_id, "broken")
        case Command.RELEASE:
            return tasks.release_task(task_id)
        case Command.SUSPEND:
            return tasks.suspend_task(task_id, 60)
        case Command.CANCEL:
            return tasks.cancel_task(task_id)
        case Command.RETRY:
            return tasks.retry_task(task_id)
        case Command.ADD_DEPENDENCY:
            return tasks.add_dependency(task_id, tasks.create_task("before", "any"))
        case Command.UPDATE:
            return tasks.update_task(task_id, priority="high")


WAYS = {
    TaskStatus.PENDING: [],
    TaskStatus.ASSIGNED: [Command.ASSIGN],
    TaskStatus.RUNNING: [Command.ASSIGN, Command.START],
    TaskStatus.COMPLETED: [Command.ASSIGN, Command.START, Command.COMPLETE],
    TaskStatus.CANCELLED: [Command.CANCEL],
}


def in_status(orch, status: TaskStatus) -> str:
    """A task brought to a status."""
    orch.agents.register_agent("worker", [])
    orch.agents.register_agent("other", [])
    task_id = orch.tasks.create_task("work", "any")
    if status is TaskStatus.FAILED:
        orch.tasks.assign_task(task_id, "worker")
        orch.tasks.fail_task(task_id, "broken", should_retry=False)
    else:
        for command in WAYS[status]:
            ask(orch, command, task_id)
    return task_id


def snapshot(cypher, task_id: str):
    """Everything about a task and its agents, but for locks."""
    rows = cypher(
        """MATCH (t:Task {task_id: $id}) OPTIONAL MATCH (t)-[r]-(n)
        RETURN labels(t), properties(t), type(r), properties(r), labels(n), properties(n)
        ORDER BY type(r), elementId(r)""",
        id=task_id,
    )
    return [
        [
            {key: item[key] for key in item if key != "lk"} if isinstance(item, dict) else item
            for item in row.values()
        ]
        for row in rows
    ]


@pytest.mark.parametrize("status", TaskStatus)
@pytest.mark.parametrize("command", Command)
def test_every_status_with_every_command(orch, cypher, status, command):
    task_id = in_status(orch, status)
    before = snapshot(cypher, task_id)
    if status in TRANSITIONS[command]:
        assert ask(orch, command, task_id).status in TRANSITIONS[command][status]
    else:
        with pytest.raises(InvalidTransitionError, match=f"it is {status}"):
            ask(orch, command, task_id)
        assert snapshot(cypher, task_id) == before
    assert orch.doctor().findings == []


@pytest.mark.parametrize("command", Command)
def test_unknown_task(orch, command):
    orch.agents.register_agent("worker", [])
    with pytest.raises(TaskNotFoundError, match=NOBODY):
        ask(orch, command, NOBODY)


def test_unknown_ids_in_questions(orch):
    assert orch.tasks.get_task_status(NOBODY) is None
    assert orch.tasks.get_task_status("no uuid") is None
    with pytest.raises(TaskNotFoundError):
        orch.tasks.get_task(NOBODY)
    with pytest.raises(TaskNotFoundError, match="no uuid"):
        orch.tasks.create_task("x", "any", dependencies=["no uuid"])
    assert orch.tasks.get_history(NOBODY) == []
    assert orch.agents.get_agent("nobody") is None
    assert orch.agents.get_agent_capability("nobody") == []
    for question in (orch.agents.deregister_agent, orch.tasks.poll_tasks):
        with pytest.raises(AgentNotFoundError, match="nobody"):
            question("nobody")
    with pytest.raises(TaskNotFoundError):
        orch.router.route_task(NOBODY)


def test_three_retries_are_four_tries(orch, new_task):
    orch.agents.register_agent("worker", [])
    task_id = new_task(max_retries=3)
    seen = []
    for _ in range(4):
        orch.tasks.assign_task(task_id, "worker")
        orch.tasks.start_task(task_id)
        seen.append(orch.tasks.fail_task(task_id, "broken").status)
    assert seen == ["pending", "pending", "pending", "failed"]
    task = orch.tasks.get_task_status(task_id)
    assert (task.retry_count, task.attempt) == (4, 4)
    assert orch.agents.get_agent("worker").total_failed == 4
    again = orch.tasks.retry_task(task_id)
    assert (again.status, again.retry_count) == ("pending", 0)
    assert [event.type for event in orch.tasks.get_history(task_id)].count("try_failed") == 3


def test_retried_task_keeps_its_place(orch, new_task, running):
    first = running()
    new_task()
    orch.tasks.fail_task(first.task_id, "broken")
    assert orch.tasks.poll_tasks()[0].task_id == first.task_id


def test_stale_attempt_is_refused(orch, running):
    task = running()
    orch.tasks.release_task(task.task_id, attempt=task.attempt)
    orch.tasks.assign_task(task.task_id, "worker")
    for late in (
        lambda: orch.tasks.start_task(task.task_id, attempt=1),
        lambda: orch.tasks.complete_task(task.task_id, attempt=1),
        lambda: orch.tasks.fail_task(task.task_id, "late", attempt=1),
        lambda: orch.tasks.release_task(task.task_id, attempt=1),
    ):
        with pytest.raises(StaleAttemptError, match="current attempt is 2"):
            late()
    assert orch.tasks.start_task(task.task_id, attempt=2).status == "running"


def test_repeated_command_changes_nothing(orch, running, cypher):
    task, command_id = running(), str(uuid4())
    orch.tasks.fail_task(task.task_id, "broken", command_id=command_id)
    orch.tasks.assign_task(task.task_id, "worker")
    before = snapshot(cypher, task.task_id)
    again = orch.tasks.fail_task(task.task_id, "broken", command_id=command_id)
    assert (again.status, again.retry_count) == ("assigned", 1)
    assert snapshot(cypher, task.task_id) == before


def test_assign_says_what_is_in_the_way(orch, new_task):
    orch.agents.register_agent("worker", ["python"], max_concurrent_tasks=1)
    first = new_task()
    with pytest.raises(UnmetDependencyError, match="waits for 1"):
        orch.tasks.assign_task(new_task(dependencies=[first]), "worker")
    with pytest.raises(MissingCapabilityError, match="rust"):
        orch.tasks.assign_task(new_task(requirements=["python", "Rust"]), "worker")
    with pytest.raises(AgentNotFoundError):
        orch.tasks.assign_task(first, "nobody")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(TaskNotDueError):
        orch.tasks.assign_task(new_task(available_at=tomorrow), "worker")
    orch.tasks.assign_task(first, "worker")
    with pytest.raises(AgentAtCapacityError, match="1 of at most 1"):
        orch.tasks.assign_task(new_task(), "worker")


def test_a_held_task_goes_to_another_agent_in_one_step(orch, running):
    task = running("ada")
    orch.agents.register_agent("bob", [], max_concurrent_tasks=1)
    given = orch.tasks.reassign_task(task.task_id, "bob", lease_seconds=60, reason="ada sleeps")
    assert (given.status, given.assigned_to, given.attempt) == ("assigned", "bob", 2)
    assert given.started_at is None
    assert given.lease_expires_at is not None
    assert [agent.active_tasks for agent in orch.agents.list()] == [0, 1]
    first, second = orch.tasks.get_tries(task.task_id)
    assert (first.agent_id, first.outcome) == ("ada", TryOutcome.RELEASED)
    assert (second.agent_id, second.outcome) == ("bob", None)
    events = orch.tasks.get_history(task.task_id)
    assert [event.type for event in events] == [
        "created",
        "assigned",
        "started",
        "released",
        "assigned",
    ]
    assert events[3].detail == {"reason": "ada sleeps"}
    with pytest.raises(StaleAttemptError):
        orch.tasks.complete_task(task.task_id, attempt=1)
    assert orch.agents.get_agent("ada").total_failed == 0
    assert orch.doctor().findings == []


def test_reassigning_says_what_is_in_the_way(orch, running):
    task = running("ada", requirements=["python"])
    orch.agents.register_agent("bob", ["python"], max_concurrent_tasks=1)
    orch.agents.register_agent("eve", [])
    held = running("bob")
    for agent_id, attempt, why in (
        ("ada", None, TaskError),
        ("bob", None, AgentAtCapacityError),
        ("eve", None, MissingCapabilityError),
        ("nobody", None, AgentNotFoundError),
        ("bob", 7, StaleAttemptError),
    ):
        with pytest.raises(why):
            orch.tasks.reassign_task(task.task_id, agent_id, attempt=attempt)
    orch.tasks.complete_task(held.task_id)
    for _ in range(2):
        given = orch.tasks.reassign_task(task.task_id, "bob", attempt=1, command_id="move")
        assert (given.assigned_to, given.attempt) == ("bob", 2)
    assert orch.doctor().findings == []


def test_one_of_many_who_reassign_a_task_at_once_gets_it(orch, running):
    task = running("ada")
    names = [f"agent-{n}" for n in range(8)]
    for name in names:
        orch.agents.register_agent(name, [])

    def give(name: str) -> bool:
        with suppress(StaleAttemptError):
            return orch.tasks.reassign_task(task.task_id, name, attempt=1).assigned_to == name
        return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(give, names)) == 1
    assert orch.tasks.get_task(task.task_id).attempt == 2
    assert orch.doctor().findings == []


def test_delayed_task_becomes_visible_by_itself(orch, new_task, cypher):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    task_id = new_task(available_at=tomorrow)
    assert orch.tasks.poll_tasks() == []
    found = orch.tasks.get_queue_statistics()
    assert (found.pending_count, found.delayed_count, found.ready_count) == (1, 1, 0)
    # A day passes.
    cypher(
        "MATCH (t:Task {task_id: $id}) SET t.available_at = t.available_at - duration('P2D'),"
        " t.due_at = t.due_at - duration('P2D')",
        id=task_id,
    )
    assert orch.tasks.get_queue_statistics().ready_count == 1
    assert [task.task_id for task in orch.tasks.poll_tasks()] == [task_id]
    assert orch.doctor().findings == []


def test_cancelled_dependency_cancels_who_asks_for_it(orch, new_task):
    root = new_task()
    waits = new_task(dependencies=[root])
    asks = new_task(dependencies=[root], on_dependency_failure="cancel")
    below = new_task(dependencies=[asks], on_dependency_failure="cancel")
    orch.tasks.cancel_task(root, "not wanted")
    status = {id_: orch.tasks.get_task_status(id_).status for id_ in (waits, asks, below)}
    assert status == {waits: "pending", asks: "cancelled", below: "cancelled"}
    late = new_task(dependencies=[root], on_dependency_failure="cancel")
    assert orch.tasks.get_task_status(late).status == "cancelled"
    joined = new_task(on_dependency_failure="cancel")
    assert orch.tasks.add_dependency(joined, root).status == "cancelled"
    orch.tasks.retry_task(root)
    assert orch.tasks.get_task_status(asks).status == "cancelled"
    assert orch.doctor().findings == []


def test_dependency_cycles_are_refused(orch, new_task):
    first, second, third = new_task(), new_task(), new_task()
    orch.tasks.add_dependency(second, first)
    orch.tasks.add_dependency(third, second)
    with pytest.raises(DependencyCycleError, match="cycle"):
        orch.tasks.add_dependency(first, third)
    with pytest.raises(DependencyCycleError):
        orch.tasks.add_dependency(first, first)
    with pytest.raises(DependencyNotFoundError):
        orch.tasks.add_dependency(first, NOBODY)
    assert orch.tasks.add_dependency(second, first).unmet == 1


def test_dependencies_keep_their_order(orch, new_task):
    before = [new_task() for _ in range(5)]
    task_id = new_task(dependencies=before)
    assert orch.tasks.get_task_status(task_id).dependencies == before


def test_batch_may_name_each_other_in_any_order(orch):
    first, second = str(uuid4()), str(uuid4())
    batch = [
        NewTask(content="2", task_type="any", task_id=second, dependencies=[first]),
        NewTask(content="1", task_type="any", task_id=first),
    ]
    assert orch.tasks.create_tasks(batch) == [second, first]
    assert orch.tasks.create_tasks(batch) == [second, first]
    assert [task.task_id for task in orch.tasks.poll_tasks()] == [first]
    assert orch.tasks.create_tasks([]) == []


def test_batch_is_all_or_nothing(orch):
    good = NewTask(content="1", task_type="any")
    bad = NewTask(content="2", task_type="any", dependencies=[NOBODY])
    with pytest.raises(DependencyNotFoundError, match=NOBODY):
        orch.tasks.create_tasks([good, bad])
    circle = [str(uuid4()), str(uuid4())]
    with pytest.raises(DependencyCycleError):
        orch.tasks.create_tasks(
            NewTask(content="x", task_type="any", task_id=one, dependencies=[other])
            for one, other in (circle, circle[::-1])
        )
    assert orch.tasks.get_queue_statistics().total_count() == 0


def test_batch_is_served_in_its_order(orch):
    ids = orch.tasks.create_tasks(NewTask(content=str(n), task_type="any") for n in range(50))
    assert [task.task_id for task in orch.tasks.poll_tasks(limit=50)] == ids


def test_second_create_is_the_first_task(orch):
    first = orch.tasks.create_task("work", "any", idempotency_key="monday")
    assert orch.tasks.create_task("other", "any", idempotency_key="monday") == first
    task_id = str(uuid4())
    for _ in range(2):
        assert orch.tasks.create_task("work", "any", task_id=task_id) == task_id
    with pytest.raises(TaskConflictError):
        orch.tasks.create_task("other", "any", task_id=task_id)
    assert orch.tasks.get_queue_statistics().total_count() == 2


@pytest.mark.parametrize(
    "text", ["'; MATCH (n) DETACH DELETE n //", '"}', "\u0000", "`", "🦉", "\\u0000", " x\n"]
)
def test_hostile_strings_are_stored_exactly(orch, text):
    name = "".join(it for it in text if it.isprintable()).strip()  # others are refused in names
    orch.agents.register_agent(f"a{name}a", [f"s{name}s"])
    task_id = orch.tasks.create_task(
        text, f"t{name}t", requirements=[f"s{name}s"], metadata={text: [text]}
    )
    task = orch.tasks.get_task_status(task_id)
    assert (task.content, task.metadata) == (text, {text: [text]})
    assert task.requirements == [f"s{name}s"]
    assert orch.router.dispatch_task(task_id) == f"a{name}a"
    orch.tasks.start_task(task_id)
    assert orch.tasks.complete_task(task_id, {text: text}).result == {text: text}


def test_sizes(orch, new_task):
    million = "x" * 1_000_000
    assert len(orch.tasks.get_task_status(new_task(million)).content) == 1_000_000
    before = orch.tasks.create_tasks(NewTask(content="x", task_type="y") for _ in range(10_000))
    assert orch.tasks.get_task_status(new_task(dependencies=before)).unmet == 10_000
    for wrong in (
        {"content": million + "x"},
        {"dependencies": [*before, str(uuid4())]},
        {"task_type": "x" * 201},
        {"task_type": "  "},
        {"priority": "urgent"},
        {"requirements": "python"},
        {"max_retries": -1},
        {"metadata": {"x": float("nan")}},
        {"metadata": {"x": object()}},
        {"available_at": datetime(2026, 1, 1)},
        {"task_id": "no uuid"},
        {"content": "\ud800"},
    ):
        with pytest.raises(ValidationError):
            new_task(**wrong)


def test_metrics_may_be_any_json(orch, running):
    done = orch.tasks.complete_task(running().task_id, metrics=[1, 2])
    assert done.metrics == [1, 2]
    assert done.execution_duration_ms >= 0
    for wrong in (-1, "long", float("inf")):
        with pytest.raises(ValidationError, match=r"metrics\.duration_ms"):
            orch.tasks.complete_task(running().task_id, metrics={"duration_ms": wrong})


def test_wrong_arguments_say_so(orch):
    with pytest.raises(ValidationError, match="unknown filter colour; known are status"):
        orch.tasks.query_tasks({"colour": "red"})
    with pytest.raises(ValidationError, match="max_concurrent_tasks"):
        orch.agents.register_agent("ada", [], max_concurrent_tasks=0)
    with pytest.raises(ValidationError, match="limit"):
        orch.tasks.poll_tasks(limit=0)
    with pytest.raises(ValidationError, match="cursor"):
        orch.tasks.query_tasks(after="nonsense")


def test_pages_hold_every_task_once(orch):
    ids = orch.tasks.create_tasks(NewTask(content=str(n), task_type="any") for n in range(25))
    for filters in ({}, {"status": "pending"}, {"task_type": "any"}):
        seen, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            page = orch.tasks.query_tasks(filters, limit=10, after=cursor)
            seen += [task.task_id for task in page]
            cursor, pages = page.next_cursor, pages + 1
        assert (seen, pages) == (ids, 3)


def test_skill_is_shown_as_first_written(orch):
    orch.agents.register_agent("ada", ["GraphQL"])
    agent = orch.agents.register_agent("bob", [" graphql "])
    assert agent.capabilities == ["GraphQL"]
    assert orch.agents.get_agents_by_capability(["GRAPHQL"]) == ["ada", "bob"]


def test_retired_agent_comes_back_with_its_record(orch, running):
    orch.tasks.complete_task(running("ada").task_id)
    orch.agents.deregister_agent("ada")
    assert orch.agents.register_agent("ada", ["new"]).total_completed == 1
    assert orch.doctor().findings == []


def test_capacity_holds_under_concurrent_dispatch(orch, new_task):
    for name in ("ada", "bob", "eve"):
        orch.agents.register_agent(name, ["x"], max_concurrent_tasks=7)
    ids = [new_task(requirements=["x"]) for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(orch.router.dispatch_task, ids))
    assert sorted(filter(None, given)) == ["ada"] * 7 + ["bob"] * 7 + ["eve"] * 7
    assert {agent.active_tasks for agent in orch.agents.list()} == {7}
    assert orch.doctor().findings == []


def test_one_of_many_wins_a_task(orch, new_task):
    for number in range(8):
        orch.agents.register_agent(f"agent-{number}", [])
    for _ in range(5):
        task_id = new_task()

        def claim(number, task_id=task_id):
            try:
                return orch.tasks.assign_task(task_id, f"agent-{number}").assigned_to
            except InvalidTransitionError:
                return None

        with ThreadPoolExecutor(8) as pool:
            won = [agent for agent in pool.map(claim, range(8)) if agent]
        assert won == [orch.tasks.get_task_status(task_id).assigned_to]


def test_dependents_created_while_the_dependency_completes(orch, running):
    orch.agents.register_agent("worker", [], max_concurrent_tasks=100)
    for _ in range(10):
        first = running()
        with ThreadPoolExecutor(6) as pool:
            made = [
                pool.submit(orch.tasks.create_task, "then", "any", dependencies=[first.task_id])
                for _ in range(5)
            ]
            pool.submit(orch.tasks.complete_task, first.task_id).result()
        for future in made:
            assert orch.tasks.get_task_status(future.result()).unmet == 0


def test_doctor_repairs(orch, running, new_task, cypher):
    running("ada", requirements=["x"])
    blocked = new_task(dependencies=[new_task(requirements=["x"])])
    cypher("MATCH (a:Agent) SET a.active_tasks = 4")
    cypher("MATCH (t:Task {task_id: $id}) SET t.unmet = 3", id=blocked)
    cypher("MATCH (l:Lane) REMOVE l.open_for")
    found = {finding.check for finding in orch.doctor().findings}
    assert found == {"active_tasks", "unmet", "lanes"}
    assert orch.doctor(repair=True).is_sound
    assert orch.doctor().findings == []


def test_doctor_counts_what_waits_for_a_task_under_a_lease(orch, new_task, cypher):
    orch.agents.register_agent("ada", [])
    held = new_task()
    orch.tasks.assign_task(held, "ada", lease_seconds=600)  # it is due at the end of its lease
    blocked = new_task(dependencies=[held])
    cypher("MATCH (t:Task {task_id: $id}) SET t.unmet = 3", id=blocked)
    assert [(it.check, it.node) for it in orch.doctor().findings] == [("unmet", blocked)]


def test_an_agent_that_holds_much_is_deregistered_in_parts(orch, new_task, monkeypatch):
    monkeypatch.setattr(agents, "RELEASED_AT_ONCE", 2)
    orch.agents.register_agent("ada", [], max_concurrent_tasks=10)
    ids = [new_task() for _ in range(5)]
    orch.tasks.claim_tasks("ada", 5)
    assert orch.agents.deregister_agent("ada").agent_id == "ada"
    assert {task.status for task in orch.tasks.get_tasks(ids)} == {TaskStatus.PENDING}
    assert orch.doctor().findings == []
