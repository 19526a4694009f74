"""However a handler ends, its try ends with it, once, and says why; and its place is free again."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
import time
from collections.abc import Callable

import pytest

from graph_orch import AlreadyRunningError, TaskFailure, ValidationError, Worker
from tests.integration.test_worker import SECONDS, active, at_work, ended
from tests.waiting import eventually


@pytest.fixture
def worker(orch) -> Worker:
    return Worker(orch, "ada", ["py"], 2, grace_seconds=SECONDS)


class Panic(BaseException):
    """What an extension module may raise, such as pyo3's PanicException."""


def raising(error: Callable[[], BaseException]) -> list[Callable]:
    """Handlers that raise this: a coroutine function, a plain one, and one that does it later."""

    async def awaited(ctx):
        raise error()

    async def in_a_task_of_its_own(ctx):
        async def fail():
            raise error()

        await asyncio.ensure_future(fail())

    def plain(ctx):
        raise error()

    return [awaited, in_a_task_of_its_own, plain]


ERRORS = [
    *(functools.partial(kind, "on purpose") for kind in (Panic, KeyboardInterrupt, SystemExit)),
    functools.partial(GeneratorExit, "on purpose"),
    functools.partial(asyncio.CancelledError, "on purpose"),
    functools.partial(ExceptionGroup, "on purpose", [ValueError("x")]),
    functools.partial(type("", (Exception,), {}), "on purpose"),
    functools.partial(ValueError, "on purpose: \ud800" + "x" * 100_000),
    functools.partial(ValidationError, "on purpose"),
]


def test_whatever_a_handler_raises_is_told_at_once_and_tried_again(orch, new_task):
    worker = Worker(orch, "ada", [], 16, grace_seconds=10 * SECONDS)
    expected = {}
    for number, error in enumerate(ERRORS):
        for kind, handler in enumerate(raising(error)):
            worker.task(f"{number}-{kind}")(handler)
            task_id = new_task(task_type=f"{number}-{kind}", max_retries=1)
            expected[task_id] = error.func.__name__
    with at_work(worker):  # it ends long before its grace does: nothing is left to be waited for
        assert eventually(lambda: ended(orch, *expected))
    for task in orch.tasks.get_tasks([*expected]):
        name = expected[task.task_id]
        assert (task.status, task.attempt) == ("failed", 2), task.task_type
        assert task.error_message.startswith(name), task.task_type
        first, second = orch.tasks.get_tries(task.task_id)
        assert first.outcome == second.outcome == "failed"
        assert "Traceback (most recent call last)" in first.traceback
    assert active(orch) == 0
    assert orch.doctor().is_sound


def test_cancellation_of_its_own_is_an_error_like_any_other(orch, worker, new_task):
    @worker.task("of what it awaits")
    async def one(ctx):
        sleeping = asyncio.ensure_future(asyncio.sleep(SECONDS))
        sleeping.cancel()
        await sleeping

    @worker.task("of itself")
    async def other(ctx):
        asyncio.current_task().cancel()
        await asyncio.sleep(SECONDS)

    ids = [new_task(task_type=name, max_retries=2) for name in ("of what it awaits", "of itself")]
    with at_work(worker):
        assert eventually(lambda: ended(orch, *ids))
    for task in orch.tasks.get_tasks(ids):
        assert (task.status, task.attempt) == ("failed", 3)
        assert task.error_message.startswith("CancelledError: the handler awaited something")


class Unusual:
    async def __call__(self, ctx):
        return [ctx.attempt, await ctx.results()]


async def added(number, ctx):
    return [number, await ctx.results()]


def decorated(handler):
    @functools.wraps(handler)
    def wrapper(ctx):
        return handler(ctx)

    return wrapper


def run_to_its_end(handler):
    """As an adapter from asynchronous to plain functions does."""

    @functools.wraps(handler)
    def wrapper(ctx):
        return asyncio.run(handler(ctx))

    return wrapper


def test_what_can_be_awaited_is_awaited(orch, worker, new_task):
    handlers = [
        Unusual(),
        functools.partial(added, 1),
        functools.partial(Unusual()),
        decorated(Unusual().__call__),
        run_to_its_end(Unusual().__call__),
        lambda ctx: added(1, ctx),
        Unusual().__call__,
    ]
    for number, handler in enumerate(handlers):
        worker.task(str(number))(handler)
    ids = [new_task(task_type=str(number)) for number in range(len(handlers))]
    with at_work(worker):
        assert eventually(lambda: ended(orch, *ids))
    tasks = orch.tasks.get_tasks(ids)
    assert [(task.result, task.error_message) for task in tasks] == [([1, {}], None)] * len(ids)


def generator(ctx):
    yield ctx


async def asynchronous_generator(ctx):
    yield ctx


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (generator, "generator function"),
        (asynchronous_generator, "generator function"),
        (functools.partial(generator), "generator function"),
        (lambda: 1, "one argument"),
        (lambda ctx, other: 1, "one argument"),
        ("text", "str"),
        (added(1, None), "coroutine"),
    ],
)
def test_what_cannot_be_a_handler_is_refused_when_it_is_registered(worker, handler, said):
    with pytest.raises(ValidationError, match=said):
        worker.task("any")(handler)
    if asyncio.iscoroutine(handler):
        handler.close()


def test_decorator_without_parentheses_takes_every_type(orch, worker, new_task):
    @worker.task
    def handler(ctx):
        return ctx.task.task_type

    assert handler.__name__ == "handler"
    task_id = new_task(task_type="whatever")
    with at_work(worker):
        assert eventually(lambda: ended(orch, task_id))
    assert orch.tasks.get_task_status(task_id).result == "whatever"


def test_slip_in_a_report_fails_no_work(orch, worker, new_task):
    @worker.task("any")
    async def handler(ctx):
        for progress in (1.0000000000000002, 50, float("nan"), -1, "half", 10**400, object()):
            ctx.heartbeat(progress, {"not": "text"})
        ctx.heartbeat(message="half \ud800" + "x" * 2_000_000)
        if ctx.attempt == 1:
            raise TaskFailure("429", "timeout", retry_after=-0.2)
        return "done"

    task_id = new_task()
    with at_work(worker):
        assert eventually(lambda: ended(orch, task_id))
    task = orch.tasks.get_task_status(task_id)
    assert (task.status, task.result, task.attempt) == ("completed", "done", 2)


def test_failed_try_is_logged_with_where_it_failed(orch, worker, new_task, caplog):
    @worker.task("any")
    async def handler(ctx):
        raise LookupError("bolt://neo4j:pass-word@host is away")

    task_id = new_task(max_retries=0)
    logging.getLogger("graph_orch").setLevel(logging.NOTSET)
    with caplog.at_level(logging.WARNING), at_work(worker):
        assert eventually(lambda: ended(orch, task_id))
    (record,) = [it for it in caplog.records if it.name == "graph_orch.task.any"]
    assert (record.levelno, record.task_id) == (logging.WARNING, task_id)
    (one,) = orch.tasks.get_tries(task_id)
    for text in (caplog.text, one.traceback):
        assert 'raise LookupError("bolt://neo4j:***@host is away")' in text
    assert "pass-word" not in caplog.text + one.traceback + one.error


def test_place_is_free_when_the_thread_ends(orch, new_task):
    """Time-outs and cancels free the key; the worker's one place is taken until the thread ends."""
    worker = Worker(orch, "ada", ["py"], 1, grace_seconds=SECONDS, lease_seconds=3)
    gate, lock, now, most = threading.Event(), threading.Lock(), 0, 0

    @worker.task("any")
    def deaf(ctx):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        gate.wait(SECONDS)
        with lock:
            now -= 1

    first = new_task(concurrency_key="k", start_to_close_seconds=0.5, max_retries=0)
    others = [new_task(concurrency_key="k") for _ in range(3)]
    with at_work(worker):
        assert eventually(lambda: ended(orch, first))
        assert orch.tasks.get_task_status(first).error_message.endswith("(start_to_close)")
        assert eventually(lambda: [it.lingering for it in orch.agents.list_workers()] == [1])
        assert most == 1
        gate.set()
        assert eventually(lambda: ended(orch, *others))
    assert most == 1
    assert [it.status for it in orch.tasks.get_tasks(others)] == ["completed"] * 3


@pytest.mark.parametrize("kind", ["async", "plain"])
def test_cancel_and_deadline_reach_a_handler_long_before_the_next_beat(orch, new_task, kind):
    """A beat comes every 100 seconds here."""
    worker = Worker(orch, "ada", [], 2, grace_seconds=SECONDS, lease_seconds=300)
    began, told = threading.Event(), []

    @worker.task("async")
    async def asynchronous(ctx):
        began.set()
        try:
            await asyncio.sleep(SECONDS)
        finally:
            told.append(ctx.task.task_id)

    @worker.task("plain")
    def plain(ctx):
        began.set()
        if ctx.wait_cancelled(SECONDS):
            told.append(ctx.task.task_id)

    with at_work(worker):
        late = new_task(task_type=kind, start_to_close_seconds=0.3, max_retries=0)
        assert eventually(lambda: told == [late], 20)
        assert eventually(lambda: ended(orch, late), 20)
        began.clear()
        given_up = new_task(task_type=kind)
        assert began.wait(SECONDS)
        orch.tasks.cancel_task(given_up)
        assert eventually(lambda: told == [late, given_up], 20)
    first, second = orch.tasks.get_tasks([late, given_up])
    assert (first.status, second.status) == ("failed", "cancelled")
    assert [it.outcome for it in orch.tasks.get_tries(late)] == ["timed_out"]


def test_cancel_from_elsewhere_is_seen_between_the_beats(orch, new_task, cypher):
    """As another process would: this one is not told of it."""
    worker = Worker(orch, "ada", [], 1, grace_seconds=SECONDS, lease_seconds=300)
    told = threading.Event()

    @worker.task("any")
    def plain(ctx):
        if ctx.wait_cancelled(SECONDS):
            told.set()

    task_id = new_task()
    with at_work(worker):
        assert eventually(lambda: orch.tasks.get_task_status(task_id).status == "running")
        cypher("MATCH (t:Task {task_id: $id}) SET t.attempt = t.attempt + 1", id=task_id)
        assert told.wait(20)
        cypher("MATCH (t:Task {task_id: $id}) SET t.attempt = t.attempt - 1", id=task_id)


def test_worker_runs_again_and_not_twice_at_once(orch, worker, new_task):
    worker.task("any")(lambda ctx: None)
    for _ in range(2):
        task_id = new_task()
        with at_work(worker):
            assert eventually(lambda task_id=task_id: ended(orch, task_id))
            with pytest.raises(AlreadyRunningError, match="is at work"):
                worker.run()
        worker.stop()  # once more, and it means nothing


async def test_run_in_an_event_loop_says_serve(worker):
    worker.task("any")(lambda ctx: None)
    with pytest.raises(ValidationError, match=r"await worker\.serve"):
        worker.run()


def test_stop_before_the_start_is_heeded(orch, worker):
    worker.task("any")(lambda ctx: None)
    worker.stop()
    worker.run()
    assert orch.agents.list_workers() == []


async def test_cancelled_worker_gives_back_what_it_held(aorch):
    worker = Worker(aorch, "ada", [], 2, grace_seconds=SECONDS)
    began = asyncio.Event()

    @worker.task("any")
    async def handler(ctx):
        began.set()
        await asyncio.sleep(SECONDS)

    task_id = await aorch.tasks.create_task("x", "any")
    serving = asyncio.ensure_future(worker.serve())
    await asyncio.wait_for(began.wait(), SECONDS)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    task = await aorch.tasks.get_task_status(task_id)
    assert (task.status, task.retry_count) == ("pending", 0)


def test_handler_that_does_not_heed_its_end_does_not_keep_the_worker(orch, new_task):
    worker = Worker(orch, "ada", [], 2, grace_seconds=0)
    began = threading.Barrier(3)

    @worker.task("async")
    async def asynchronous(ctx):
        await asyncio.to_thread(began.wait)
        for _ in range(100):
            try:
                await asyncio.sleep(SECONDS)
            except asyncio.CancelledError:
                continue

    @worker.task("plain")
    def plain(ctx):
        began.wait()
        time.sleep(20)

    ids = [new_task(task_type="plain"), new_task(task_type="async")]
    with at_work(worker):
        began.wait()
    tasks = orch.tasks.get_tasks(ids)
    assert [(task.status, task.retry_count) for task in tasks] == [("pending", 0)] * 2


@pytest.fixture(autouse=True)
def quiet():
    """Handlers fail here on purpose."""
    logging.getLogger("graph_orch").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("graph_orch").setLevel(logging.NOTSET)
