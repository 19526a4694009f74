"""Server-sent events: what happens to tasks, at /events, from where a client has read to."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from graph_orch import AsyncOrchestrator
from graph_orch.domain.fields import CURSOR
from graph_orch.domain.models import TaskEvent
from graph_orch.domain.patterns import Wanted
from graph_orch.errors import StoreError, ValidationError
from graph_orch.logs import logger_of
from graph_orch.serve.principals import Principal

PATH = "/events"
MOST_STREAMS = 100
PAGE = 100
MOST_TOGETHER = 1_000
"""Events that are read at once where they are told together."""
KEEP_ALIVE_SECONDS = 15.0
"""A stream says at least so often that it is there, and how far it has read."""
ASK_AGAIN_SECONDS = 10.0
"""A stream goes on no longer than this after its token was revoked."""
FILTERS = {"workflow": "workflow_id", "agent": "agent_id", "team": "team_id", "skill": "skill"}
PARAMETERS = (*FILTERS, "pattern", "where", "after", "every_ms")
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
logger = logger_of("graph_orch.events")


def routes(orch: AsyncOrchestrator, most_streams: int = MOST_STREAMS) -> list[Route]:
    """The route of the HTTP server for streams of events."""
    return [Route(PATH, endpoint=endpoint(orch, most_streams), methods=["GET"])]


def endpoint(
    orch: AsyncOrchestrator, most_streams: int = MOST_STREAMS
) -> Callable[[Request], Awaitable[Response]]:
    """What answers a request for a stream of events.

    A client names a `pattern` and filters as for subscriptions, and where to begin: by the header
    Last-Event-ID, as browsers do when they come again, or by `after`; else with what comes. With
    `every_ms` it is told of events together: how many there were, at most so often.
    """
    open_streams: set[object] = set()

    async def answer(request: Request) -> Response:
        principal: Principal = request.state.principal
        if why := principal.why_not("ReadEvents"):
            return PlainTextResponse(why, 403)
        if len(open_streams) >= most_streams:
            busy = f"all {most_streams} streams of this server are in use; ask again later"
            return PlainTextResponse(busy, 503, {"retry-after": "5"})
        open_streams.add(stream := object())
        try:
            wanted = _wanted(request)
            Wanted.of(**wanted)  # refuses what is not acceptable
            begins = request.headers.get("last-event-id") or request.query_params.get("after")
            after = await orch.events.end() if begins is None else _place(begins)
            every = _number("every_ms", request.query_params.get("every_ms", "0"), "milliseconds")
        except BaseException as error:
            open_streams.discard(stream)
            if isinstance(error, ValidationError):
                return PlainTextResponse(str(error), 422)
            if isinstance(error, StoreError):
                return PlainTextResponse("the store does not answer; ask again", 503)
            raise
        told = _stream(orch, after, wanted, request, min(every / 1000, KEEP_ALIVE_SECONDS))
        return _Stream(told, lambda: open_streams.discard(stream))

    return answer


class _Stream(StreamingResponse):
    """A stream that says when it has ended, also where its client left before it began."""

    def __init__(self, parts: AsyncIterator[str], ended: Callable[[], None]) -> None:
        super().__init__(parts, media_type="text/event-stream", headers=HEADERS)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except StoreError as error:  # the client comes again, from where it was
            logger.warning("a stream of events ends: %s", error)
        finally:
            self._ended()


async def _stream(
    orch: AsyncOrchestrator, after: int, wanted: dict[str, Any], request: Request, every: float
) -> AsyncIterator[str]:
    yield ": these are the events\n\n"  # so that a client sees that it is connected
    told = asked = time.monotonic()
    while True:
        # A token may have been revoked, or have expired, since.
        if time.monotonic() - asked >= ASK_AGAIN_SECONDS:
            if not await _may_go_on(request):
                return
            asked = time.monotonic()
        seen = orch.graph.work.seen
        page = await orch.events.read(after, **wanted, limit=MOST_TOGETHER if every else PAGE)
        after = page.next_cursor or after
        if page:
            told = time.monotonic()
            if every:
                yield f"id: {after}\nevent: changed\ndata: {len(page)}\n\n"
                await asyncio.sleep(every)
            else:
                for event in page:
                    yield _told(event)
            continue
        if time.monotonic() - told >= KEEP_ALIVE_SECONDS:
            told = time.monotonic()
            yield f"id: {after}\n\n"
        await orch.graph.wait(seen, min(KEEP_ALIVE_SECONDS, ASK_AGAIN_SECONDS))


async def _may_go_on(request: Request) -> bool:
    """Whether whoever began a stream may still read events."""
    try:
        principal: Principal | None = await request.state.identify_again()
    except HTTPException:  # the store does not answer
        return False
    return principal is not None and principal.may("ReadEvents")


def _told(event: TaskEvent) -> str:
    # JSON holds no line break, so that nothing in an event can begin another one.
    return f"id: {event.position}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"


def _wanted(request: Request) -> dict[str, Any]:
    """The filters of a request, for `events.read`."""
    given = request.query_params
    if unknown := [name for name in given if name not in PARAMETERS]:
        raise ValidationError(
            f"{json.dumps(unknown[0][:100])} is no parameter of {PATH}; there are "
            f"{', '.join(PARAMETERS)}"
        )
    wanted: dict[str, Any] = {
        name: given[key] for key, name in FILTERS.items() if given.get(key) is not None
    }
    return wanted | {"pattern": given.get("pattern", "*"), "where": given.getlist("where")}


def _place(given: str) -> int:
    return CURSOR.of("after", _number("after", given, "position in the log, such as 1200"))


def _number(name: str, given: str, what: str) -> int:
    if not (given.isascii() and given.isdecimal()):
        raise ValidationError(f"{name}: {given[:100]!r} is no {what}")
    return int(given[:20])
