"""Workers: handlers of both kinds, how they end, heartbeats, draining. As processes: faults/."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from graph_orch import TaskFailure, ValidationError, Worker
from graph_orch.executors import command_handler
from graph_orch.worker.run import Run
from graph_orch.worker.sharing import Shared
from tests.waiting import eventually

SECONDS = 60


@pytest.fixture
def make(orch) -> Callable[..., Worker]:
    def build(concurrency: int = 4, **options: Any) -> Worker:
        return Worker(orch, "ada", ["py"], concurrency, grace_seconds=SECONDS, **options)

    return build


@contextmanager
def at_work(worker: Worker) -> Iterator[threading.Thread]:
    """Let a worker work in a thread; afterwards it drains."""
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield thread
    finally:
        worker.stop()
        thread.join(SECONDS)
        assert not thread.is_alive()


def ended(orch, *task_ids: str) -> bool:
    return all(task.completed_at is not None for task in orch.tasks.get_tasks(task_ids))


def active(orch) -> int:
    agent = orch.agents.get_agent("ada")
    return 0 if agent is None else agent.active_tasks


def test_handlers_of_both_kinds(orch, make, new_task):
    worker = make()

    @worker.task("async")
    async def asynchronous(ctx):
        await asyncio.sleep(0)
        return {"said": ctx.task.content}

    @worker.task("plain")
    def plain(ctx):
        return [ctx.attempt, ctx.results()]

    first = new_task("hello", "async", requirements=["PY"])
    second = new_task("x", "plain", dependencies=[first])
    with at_work(worker):
        assert eventually(lambda: ended(orch, first, second))
    one, two = orch.tasks.get_tasks([first, second])
    assert (one.status, one.result, one.assigned_to) == ("completed", {"said": "hello"}, "ada")
    assert two.result == [1, {first: {"said": "hello"}}]
    assert 0 < two.execution_duration_ms < SECONDS * 1_000
    assert orch.agents.get_agent("ada").active_tasks == 0
    assert orch.agents.list_workers() == []
    assert orch.doctor().is_sound


def test_only_what_has_a_handler_is_claimed(orch, make, new_task):
    worker = make()
    worker.task("known")(lambda ctx: None)
    other = new_task("x", "other", priority="high")
    known = new_task("x", "known")
    with at_work(worker):
        assert eventually(lambda: ended(orch, known))
    assert orch.tasks.get_task_status(other).attempt == 0


def test_what_is_dispatched_to_the_agent_is_done(orch, make, new_task):
    """A service routes, a worker works."""
    worker = make()
    worker.task("any")(lambda ctx: ctx.attempt)
    orch.agents.register_agent("ada", ["py"])
    before = new_task(requirements=["py"])
    assert orch.router.dispatch_task(before) == "ada"
    with at_work(worker):
        assert eventually(lambda: ended(orch, before))
    (task,) = orch.tasks.get_tasks([before])
    assert (task.status, task.result, task.worker_id) == ("completed", 1, worker.worker_id)
    assert [event.type for event in orch.tasks.get_history(before)] == [
        "created",
        "assigned",
        "started",
        "completed",
    ]
    assert orch.doctor().is_sound


def test_handler_for_any_type(orch, make, new_task):
    worker = make()
    worker.task()(lambda ctx: ctx.task.task_type)
    worker.task("special")(lambda ctx: "own")
    ids = [new_task("x", "this"), new_task("x", "special")]
    with at_work(worker):
        assert eventually(lambda: ended(orch, *ids))
    assert [task.result for task in orch.tasks.get_tasks(ids)] == ["this", "own"]


@pytest.mark.parametrize(
    ("error", "status", "message", "kind"),
    [
        (ValueError("bad\0input"), "failed", "ValueError: bad\0input", "transient"),
        (TaskFailure("never", "permanent"), "failed", "never", "permanent"),
        (TaskFailure("poor", "budget"), "failed", "poor", "budget"),
        (TaskFailure("later", retry_after=1_000), "pending", "later", "transient"),
        (TaskFailure("not me", "capability"), "pending", "not me", "capability"),
    ],
)
def test_what_a_handler_raises(orch, make, new_task, error, status, message, kind):
    worker = make()

    @worker.task("any")
    async def handler(ctx):
        raise error

    task_id = new_task(max_retries=0 if isinstance(error, ValueError) else 3)
    with at_work(worker):
        assert eventually(lambda: orch.tasks.get_task_status(task_id).error_message)
    task = orch.tasks.get_task_status(task_id)
    assert (task.status, task.error_message) == (status, message)
    detail = orch.tasks.get_history(task_id)[-1].detail
    assert detail["class"] == kind
    assert detail["types"][0] == type(error).__name__


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (StopIteration("over"), "RuntimeError: StopIteration: over"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_worker_outlives_what_a_plain_handler_raises(orch, make, new_task, error, message):
    worker = make(1)

    @worker.task("any")
    def handler(ctx):
        if ctx.task.content == "bad":
            raise error
        return "good"

    bad, good = new_task("bad", max_retries=0), new_task("good")
    with at_work(worker):
        assert eventually(lambda: ended(orch, bad, good))
    tasks = orch.tasks.get_tasks([bad, good])
    assert [(task.status, task.error_message) for task in tasks] == [
        ("failed", message),
        ("completed", None),
    ]


def test_failed_try_is_made_again(orch, make, new_task):
    worker = make()
    worker.task("any")(lambda ctx: 1 / 0 if ctx.attempt < 3 else "third time")
    task_id = new_task()
    with at_work(worker):
        assert eventually(lambda: ended(orch, task_id))
    task = orch.tasks.get_task_status(task_id)
    assert (task.result, task.attempt, task.retry_count) == ("third time", 3, 2)


def test_result_that_is_no_json_fails_for_good(orch, make, new_task):
    worker = make()
    worker.task("any")(lambda ctx: object())
    task_id = new_task()
    with at_work(worker):
        assert eventually(lambda: ended(orch, task_id))
    task = orch.tasks.get_task_status(task_id)
    assert (task.status, task.attempt) == ("failed", 1)
    assert "result" in task.error_message


def test_lease_is_kept_though_the_handler_blocks_the_loop(orch, make, new_task):
    lease = timedelta(seconds=4)
    worker, may_end = make(lease_seconds=lease.total_seconds()), threading.Event()

    @worker.task("any")
    async def rude(ctx):
        ctx.heartbeat(0.25, "blocking")
        may_end.wait(SECONDS)  # it blocks the loop: that is the point

    task_id = new_task()

    def task():
        return orch.tasks.get_task_status(task_id)

    with at_work(worker):
        assert eventually(lambda: task().progress == 0.25)
        first = task().lease_expires_at
        assert eventually(
            lambda: orch.tasks.process_due() or task().lease_expires_at > first + lease
        )
        may_end.set()
        assert eventually(lambda: ended(orch, task_id))
    assert (task().status, task().attempt) == ("completed", 1)


def test_cancelling_ends_the_handlers(orch, make, new_task):
    worker, ends = make(lease_seconds=1.5), []

    @worker.task("async")
    async def asynchronous(ctx):
        try:
            await asyncio.sleep(SECONDS)
        finally:
            ends.append("async")

    @worker.task("plain")
    def plain(ctx):
        if ctx.wait_cancelled(SECONDS):
            ends.append("plain")

    ids = [new_task("x", "async"), new_task("x", "plain")]
    with at_work(worker):
        assert eventually(lambda: all(t.status == "running" for t in orch.tasks.get_tasks(ids)))
        for task_id in ids:
            orch.tasks.cancel_task(task_id)
        assert eventually(lambda: sorted(ends) == ["async", "plain"])
    assert {task.status for task in orch.tasks.get_tasks(ids)} == {"cancelled"}
    assert orch.doctor().is_sound


def test_draining_finishes_what_runs_and_gives_back_the_rest(orch, make, new_task):
    worker, gate = make(1, prefetch=2), threading.Event()

    @worker.task("any")
    def handler(ctx):
        gate.wait(SECONDS)

    ids = [new_task(str(number)) for number in range(4)]
    with at_work(worker):
        assert eventually(lambda: active(orch) == 3)
        assert eventually(lambda: [it for it in orch.agents.list_workers() if it.is_live])
        (shown,) = orch.agents.list_workers()
        assert (shown.worker_id, len(shown.task_ids)) == (worker.worker_id, 3)
        worker.stop()
        assert eventually(lambda: active(orch) == 1)
        gate.set()
        assert eventually(lambda: active(orch) == 0)
    tasks = orch.tasks.get_tasks(ids)
    assert [task.status for task in tasks] == ["completed", "pending", "pending", "pending"]
    assert [task.retry_count for task in tasks] == [0, 0, 0, 0]
    assert orch.doctor().is_sound


def test_second_stop_ends_at_once_and_spends_no_retry(orch, make, new_task):
    worker = make(2)
    worker.task("any")(lambda ctx: ctx.wait_cancelled(SECONDS))
    ids = [new_task(), new_task()]
    with at_work(worker):
        assert eventually(lambda: active(orch) == 2)
        worker.stop()
    tasks = orch.tasks.get_tasks(ids)
    assert [(task.status, task.retry_count) for task in tasks] == [("pending", 0)] * 2


async def test_what_is_given_up_before_it_began_is_given_back(aorch, server):
    """A claim is answered while the worker is told to stop: its handlers never run."""
    ids = [await aorch.tasks.create_task("x", "any") for _ in range(3)]
    worker = Worker(aorch, "ada", [], 3)
    worker.task("any")(lambda ctx: None)
    await aorch.agents.register_agent("ada", [], max_concurrent_tasks=3)
    run = Run(worker.settings, Shared.on(aorch.graph), worker._handlers)
    claims = await aorch.tasks.claim_tasks("ada", 3, start=True)
    run.abort()
    run._take(claims)
    await run._drain()
    tasks = await aorch.tasks.get_tasks(ids)
    assert [(task.status, task.retry_count) for task in tasks] == [("pending", 0)] * 3


def test_many_are_done_and_none_twice(orch, make):
    worker, seen = make(16, prefetch=32), []
    worker.task("any")(lambda ctx: seen.append(ctx.task.task_id))
    ids = orch.tasks.create_tasks({"content": str(n), "task_type": "any"} for n in range(500))
    with at_work(worker):
        assert eventually(lambda: orch.tasks.get_queue_statistics().completed_count == 500)
    assert sorted(seen) == sorted(ids)
    assert orch.doctor().is_sound


def test_worker_without_handlers_says_so(make):
    with pytest.raises(ValidationError, match="no handler"):
        make().run()


def test_two_handlers_for_a_type_are_refused(make):
    worker = make()
    worker.task("any")(print)
    with pytest.raises(ValidationError, match="'any'"):
        worker.task("any")(print)


def test_password_is_not_shown(orch, make):
    assert "password" not in repr(orch.graph.address).replace("auth", "")
    auth = orch.graph.address.auth
    assert auth is None or auth[1] not in repr(orch.graph.address)


@pytest.mark.parametrize(
    ("command", "status", "outcome"),
    [
        (
            [sys.executable, "-c", "import json,sys; print(json.load(sys.stdin)['content'])"],
            "completed",
            "$(touch x); 'quoted'",
        ),
        ([sys.executable, "-c", "print('[1, 2]')"], "completed", [1, 2]),
        ([sys.executable, "-c", ""], "completed", None),
        (["sh", "-c", "echo broken >&2; exit 65"], "failed", "exit code 65: broken"),
        (["sh", "-c", "kill -9 $$"], "failed", "ended by signal 9"),
        ([sys.executable, "-c", "print('x' * 2_000_000)"], "failed", "2,000,001 bytes"),
    ],
)
def test_command_as_an_agent(orch, make, new_task, command, status, outcome):
    worker = make()
    worker.task("any")(command_handler(command))
    task_id = new_task("$(touch x); 'quoted'", max_retries=0)
    with at_work(worker):
        assert eventually(lambda: ended(orch, task_id))
    task = orch.tasks.get_task_status(task_id)
    assert task.status == status
    if status == "completed":
        assert task.result == outcome
    else:
        assert outcome in task.error_message


def test_cancelled_command_is_ended(orch, make, new_task, tmp_path):
    worker, marker = make(lease_seconds=1.5), tmp_path / "ended"
    begun = tmp_path / "begun"
    script = f"trap 'touch {marker}; exit 1' TERM; touch {begun}; while :; do sleep 0.05; done"
    worker.task("any")(command_handler(["sh", "-c", script]))
    task_id = new_task()
    with at_work(worker):
        assert eventually(begun.exists)
        orch.tasks.cancel_task(task_id)
        assert eventually(marker.exists)


@pytest.mark.parametrize("command", ["", "echo 'open", []])
def test_command_that_is_none(command):
    with pytest.raises(ValidationError, match="the command"):
        command_handler(command)


@pytest.fixture(autouse=True)
def quiet():
    """Handlers fail here on purpose."""
    logging.getLogger("graph_orch").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("graph_orch").setLevel(logging.NOTSET)


def test_worker_says_who_it_is_what_it_handles_and_where(orch, caplog):
    worker = Worker(orch, "ada", ["py"], 3, worker_id="w1")
    worker.task("write")(lambda ctx: None)
    worker.task("read")(lambda ctx: None)
    with caplog.at_level(logging.INFO, "graph_orch.worker"):
        worker.run(until_idle=True)
        worker.task()(lambda ctx: None)
        worker.run(until_idle=True)
    said = [it.getMessage() for it in caplog.records if "works as" in it.getMessage()]
    where = f"worker w1 works as agent 'ada' on {orch.graph.address}; it handles "
    assert said == [
        f"{where}'read', 'write', 3 at once",
        f"{where}'read', 'write', and all other types, 3 at once",
    ]
    auth = orch.graph.address.auth
    assert auth is None or auth[1] not in str(said)
