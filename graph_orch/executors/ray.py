"""Handlers that run on a Ray cluster, so that a worker process only dispatches.

    import ray
    from graph_orch.executors.ray import ray_handler

    ray.init(address="auto")
    worker.task("train")(ray_handler(train, num_gpus=1))

Needs the extra: pip install 'graph-orch[ray]'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any

from pydantic import JsonValue

from graph_orch.errors import ValidationError
from graph_orch.worker import AsyncContext

Task = Mapping[str, Any]
Results = Mapping[str, JsonValue]


def ray_handler(
    function: Callable[[Task, Results], JsonValue], **options: Any
) -> Callable[[AsyncContext], Awaitable[JsonValue]]:
    """A handler that runs a function as a Ray task.

    An exception of the function fails the task as if a handler had raised it, also for
    `non_retryable`. If the task is cancelled or its lease is lost, the Ray task is cancelled.

    Args:
        function: Takes the task as a dict of its fields (times as ISO texts) and the results of
            its dependencies by their ids; returns JSON. Ray pickles it, with what it refers to.
        options: Ray's options of a remote function, such as `num_cpus`, `num_gpus`, `resources`.
            `max_retries` is 0 unless given, since graph_orch retries tasks itself.

    Raises:
        ValidationError: Ray is not installed.
    """
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise ValidationError(
            "the Ray executor needs its extra: pip install 'graph-orch[ray]'"
        ) from error
    remote = ray.remote(**({"max_retries": 0, "num_cpus": 1} | options))(function)

    async def run(ctx: AsyncContext) -> JsonValue:
        answer = remote.remote(ctx.task.model_dump(mode="json"), await ctx.results())
        try:
            return await asyncio.wrap_future(answer.future())
        except asyncio.CancelledError:
            ray.cancel(answer)
            raise

    return run
