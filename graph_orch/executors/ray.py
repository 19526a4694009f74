"""Handlers that run on a Ray cluster, so that a worker process is a thin dispatcher.

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

    What the function raises fails the task as if it were raised here: its kinds count for
    `non_retryable`. Where the task is cancelled or lost, so is the Ray task.

    Args:
        function: Takes the task as a dict of its fields (times as ISO texts) and the results of
            its dependencies by their ids; returns JSON. Ray sends it to a node, with what it needs.
        options: Ray's own for a remote function, such as `num_cpus`, `num_gpus`, `resources`.
            Retries are graph_orch's: `max_retries` is 0 unless given.

    Raises:
        ValidationError: Ray is not installed.
    """
    ray = _ray()
    remote = ray.remote(**({"max_retries": 0, "num_cpus": 1} | options))(function)

    async def run(ctx: AsyncContext) -> JsonValue:
        answer = remote.remote(ctx.task.model_dump(mode="json"), await ctx.results())
        try:
            return await asyncio.wrap_future(answer.future())
        except asyncio.CancelledError:
            ray.cancel(answer)
            raise

    return run


def _ray() -> Any:
    try:
        return import_module("ray")
    except ImportError as error:
        raise ValidationError(
            "the Ray executor needs its extra: pip install 'graph-orch[ray]'"
        ) from error
