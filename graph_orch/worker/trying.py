"""One try of a handler: how it is called, and what its end means, with a store or without one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Mapping
from typing import cast

from pydantic import JsonValue

from graph_orch.worker.context import AsyncContext, Context, Handler, Job, Results
from graph_orch.worker.durable import TryEnded
from graph_orch.worker.failures import Failure, HandOff, leaves
from graph_orch.worker.handlers import in_thread, is_coroutine_function
from graph_orch.worker.results import storable

ANY = "*"
"""The task type of the handler of every type that has no other."""


def handler_of(handlers: Mapping[str, Handler], task_type: str) -> Handler:
    """The handler of a task type."""
    return handlers[task_type if task_type in handlers else ANY]


async def try_handler(handler: Handler, job: Job, results: Results) -> JsonValue:
    """Run a handler to the end of its try: what it gave, as it is stored.

    Raises:
        BaseException: whatever the handler raised; see `ending`.
        UnstorableResult: what it gave, or recorded, has no form as JSON, or is too long.
    """
    try:
        result = storable(await _call(handler, job, results))
        storable(job.metrics, "what the handler recorded")  # each metric fits, perhaps not all
        return result
    finally:
        await job.durable.settled()


async def _call(handler: Handler, job: Job, results: Results) -> object:
    loop = asyncio.get_running_loop()
    if is_coroutine_function(handler):
        return await handler(AsyncContext(job, results, loop))
    job.in_thread = True
    given = await in_thread(handler, Context(job, results, loop))
    if not inspect.isawaitable(given):
        return given
    job.in_thread = False  # from here on it runs in the loop, and can be cancelled
    if job.cancelled:
        if inspect.iscoroutine(given):
            given.close()
        raise asyncio.CancelledError
    return await cast(Awaitable[object], given)


def ending(error: BaseException) -> Failure | HandOff | None:
    """What an error that a handler raised makes of its try; None: it waits for something."""
    found = [*leaves(error)]
    kinds = {type(leaf) for leaf in found}
    if TryEnded in kinds and kinds <= {TryEnded, asyncio.CancelledError}:
        return None
    for leaf in found:
        if isinstance(leaf, HandOff):
            return leaf
    return Failure.of(error)
