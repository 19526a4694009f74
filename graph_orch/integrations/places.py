"""What a handler keeps of an agent of another framework: each call once, by a place of its own.

`AsyncContext.step` tells places apart by the order in which a handler comes to them. Agents call
tools side by side, fall back to other models and try again, so that their order differs from one
try of a task to the next. Here a place has a name that does not depend on order, such as the id
that the model gave to a call, and a call that fails gives its place back.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
import math
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, cast

import genai_prices
from pydantic import JsonValue

from graph_orch.domain.durable import Decision
from graph_orch.domain.lifecycle import ErrorClass
from graph_orch.domain.models import GateKind
from graph_orch.errors import ValidationError, describe
from graph_orch.worker import AsyncContext, InputRefused, TaskFailure
from graph_orch.worker.failures import leaves

MOST_NAME = 200
"""Characters of a place's name; what is longer is cut, and told apart by a digest."""
Price = Callable[[str, int, int], Decimal | float]
"""What a call costs, by the name of the model, its input tokens and its output tokens."""


@dataclass
class Places:
    """Where an agent is within one try of a handler, and what was kept there.

    Args:
        within: What the names of places begin with: the call of a tool that runs an agent.
    """

    ctx: AsyncContext
    price: Price | None = None
    approvers: Sequence[str] = ()
    expires_seconds: float | None = None
    within: str = ""
    taken: set[str] = field(default_factory=set[str])
    """The places that are passed or in use, in all of the try."""
    names: dict[str, str] = field(default_factory=dict[str, str])
    """Places by ids of the framework that are others in each try, in all of the try."""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    runs: dict[str, str] = field(default_factory=dict[str, str])
    """What the names of places within a run of an agent begin with, by the run's id."""

    def inside(self, name: str) -> Places:
        """The places within a call, as where a tool runs an agent."""
        return Places(
            self.ctx,
            self.price,
            self.approvers,
            self.expires_seconds,
            f"{self.within}{name}/",
            self.taken,
            self.names,
        )

    async def step(self, name: str, function: Callable[[], Awaitable[object]]) -> JsonValue:
        """What a call gave, as JSON; it is made unless it was kept.

        Raises:
            UnstorableResult: the result has no form as JSON, or takes more than 1 MB.
        """
        durable = self.ctx._job.durable  # pyright: ignore[reportPrivateUsage]
        key = self._take("step", name)
        try:
            was_kept, value = await durable.look(key)
            if was_kept:
                return value
            async with durable.running(key):
                began = time.perf_counter()
                return await durable.keep(key, await function(), began)
        except BaseException:
            self.taken.discard(key)
            raise

    async def ask(
        self, asked: Mapping[str, tuple[GateKind, str, Mapping[str, JsonValue] | None]]
    ) -> dict[str, Decision]:
        """What persons decide, by place: of what is asked its kind, its question, its schema.

        All gates are there when the try ends, so that they are decided in any order.
        """
        durable = self.ctx._job.durable  # pyright: ignore[reportPrivateUsage]
        waits = [
            durable.ask(
                self._take(kind.value, name),
                kind,
                question,
                self.approvers,
                schema,
                self.expires_seconds,
                None,
            )
            for name, (kind, question, schema) in asked.items()
        ]
        found = await asyncio.gather(*waits, return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return dict(zip(asked, cast("list[Decision]", found), strict=True))

    async def answers(
        self, asked: Mapping[str, tuple[str, Mapping[str, JsonValue] | None]]
    ) -> dict[str, JsonValue]:
        """What persons answer, by place, to questions with their schemas.

        Raises:
            InputRefused: one was rejected, or nobody answered in time.
        """
        decided = await self.ask({name: (GateKind.INPUT, *it) for name, it in asked.items()})
        for name, decision in decided.items():
            if decision.decision != "answer":
                raise InputRefused(asked[name][0], decision)
        return {name: decision.payload for name, decision in decided.items()}

    def used(self, model: str | None, usage: Any, provider: str | None = None) -> None:
        """Record what one call of a model has used, and what it cost where a price is known.

        A call whose price nobody knows counts in the metric `calls_without_price`, since no budget
        of money sees it.

        Args:
            usage: Its `input_tokens` and `output_tokens`, and others that `genai-prices` knows.
        """
        tokens_in, tokens_out = int(usage.input_tokens or 0), int(usage.output_tokens or 0)
        cost: Decimal | float = 0
        if self.price is not None:
            cost = self.price(model or "", tokens_in, tokens_out)
        else:
            try:
                found = genai_prices.calc_price(usage, model or "", provider_id=provider)
                cost = found.total_price
            except LookupError:
                self.ctx.record(calls_without_price=1)
        self.ctx.record(tokens=tokens_in + tokens_out, cost=cost, model_calls=1)

    def _take(self, kind: str, name: str) -> str:
        full = f"{self.within}{name}"
        if len(full) > MOST_NAME:
            digest = hashlib.sha256(full.encode()).hexdigest()[:16]
            full = f"{full[: MOST_NAME - 17]} {digest}"
        number = 1
        while (key := f"{kind}:{full}#{number}") in self.taken:
            number += 1
        self.taken.add(key)
        return key


_CURRENT: ContextVar[Places | None] = ContextVar("graph_orch_places", default=None)


def current() -> Places | None:
    """The places of the handler that runs an agent; None: it runs outside of one.

    An agent in a loop of its own, as where a plain function calls `run_sync`, is outside too: the
    store answers in the worker's loop only. It belongs to the call that runs it.
    """
    here = _CURRENT.get()
    if here is None:
        return None
    try:
        return here if here.loop is asyncio.get_running_loop() else None
    except RuntimeError:  # a thread without a loop
        return None


@contextlib.contextmanager
def at(places: Places | None) -> Generator[None]:
    """Let what runs in here keep its calls at these places."""
    token = _CURRENT.set(places)
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextlib.contextmanager
def durable(
    ctx: AsyncContext,
    *,
    price: Price | None = None,
    approvers: Sequence[str] = (),
    expires_seconds: float | None = None,
    permanent: Callable[[BaseException], bool] = lambda error: False,
) -> Generator[Places]:
    """Let the agents that run in here keep their calls as steps of a handler.

    Args:
        price: What a call of a model costs; by default what `genai-prices` knows.
        approvers: Who may decide what agents ask; by default anybody but agents.
        expires_seconds: How long that can be decided.
        permanent: Which errors would come again in each try, since what led to them was kept.

    Raises:
        ValidationError: the handler is a plain function.
        TaskFailure: in place of an error whose provider said when to try again, or that is
            permanent.
    """
    if not isinstance(cast(object, ctx), AsyncContext):
        raise ValidationError(
            "an agent runs in a coroutine: let its handler be an `async def`, or what `handler` "
            "gives"
        )
    try:
        here = Places(ctx, price, approvers, expires_seconds)
        with at(here):
            yield here
    except Exception as error:
        found = [*leaves(error)]
        if any(isinstance(it, TaskFailure) for it in found):
            raise
        if all(map(permanent, found)):
            raise TaskFailure(describe(error), ErrorClass.PERMANENT) from error
        waits = [it for it in map(retry_after, found) if it is not None]
        if waits:
            raise TaskFailure(describe(error), retry_after=max(waits)) from error
        raise


def retry_after(error: BaseException | None) -> float | None:
    """In how many seconds a provider wants to be asked again, from its error's cause or headers."""
    while error is not None:
        told = getattr(error, "retry_after", None)
        if isinstance(told, int | float) and math.isfinite(told) and told >= 0:
            return float(told)
        headers: Any = getattr(getattr(error, "response", None), "headers", None)
        if headers is not None and (seconds := _in_headers(headers)) is not None:
            return seconds
        error = error.__cause__
    return None


def _in_headers(headers: Any) -> float | None:
    for name, unit in (("retry-after-ms", 1_000), ("retry-after", 1)):
        with contextlib.suppress(TypeError, ValueError):
            seconds = float(headers.get(name)) / unit
            if math.isfinite(seconds) and seconds >= 0:
                return seconds
    with contextlib.suppress(TypeError, ValueError):
        return max(0.0, parsedate_to_datetime(headers.get("retry-after")).timestamp() - time.time())
    return None


async def given(function: Callable[[AsyncContext], Any], ctx: AsyncContext) -> Any:
    """What a function, or a coroutine function, makes of a handler's context."""
    value = function(ctx)
    return await value if inspect.isawaitable(value) else value
