"""The routes of the dashboard: its screens, what its buttons call, the way in, its files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from graph_orch import AsyncOrchestrator, Gate
from graph_orch.domain.models import Right
from graph_orch.errors import OrchestrationError, StoreError
from graph_orch.serve import events
from graph_orch.serve.guard import LOGIN, STATIC, address_of, cookie_of
from graph_orch.serve.links import wants_json
from graph_orch.serve.options import HttpOptions
from graph_orch.serve.principals import Identify
from graph_orch.serve.web import calls, deciding
from graph_orch.serve.web.asked import Asked, Screen, Seen
from graph_orch.serve.web.looks import SCREENS
from graph_orch.serve.web.page import FILES, HEADERS, as_json, as_page, link, status_of
from graph_orch.telemetry import Meter

JSON = ".json"
GATE = next(it for it in SCREENS if it.path == "/gates/{key:path}")
COOKIE_SECONDS = 30 * 86_400
EVERY_MS = 250
"""A page is told of changes at most so often."""
LOOK_AGAIN_SECONDS = 15
"""A page looks again so often, for what the log of events does not tell, such as heartbeats."""

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(
    orch: AsyncOrchestrator, meter: Meter, options: HttpOptions, identify: Identify
) -> list[BaseRoute]:
    """The routes of the HTTP server for the dashboard, and for the stream that keeps it live."""
    stream = events.endpoint(orch)

    asked = partial(Asked, orch, meter)

    async def make(request: Request) -> Response:
        return await calls.make(request, orch)

    async def log_in(request: Request) -> Response:
        return await _log_in(request, options, identify)

    async def decide(request: Request) -> Response:
        return await _decide(asked(request))

    def shown(screen: Screen) -> Endpoint:
        page = _endpoint(asked, screen)

        async def page_or_stream(request: Request) -> Response:
            # htmx names no kind that it accepts, and tells who it is.
            is_htmx = "hx-request" in request.headers
            wants_page = is_htmx or "text/html" in request.headers.get("accept", "")
            return await (page if wants_page else stream)(request)

        return page_or_stream if screen.path == events.PATH else page

    return [
        Mount(STATIC, _Files(directory=FILES)),
        Route(LOGIN, log_in, methods=["GET", "POST"]),
        Route("/logout", _log_out, methods=["POST"]),
        Route(f"{calls.PATH}/{{tool}}", calls.ask, methods=["GET"]),
        Route(f"{calls.PATH}/{{tool}}", make, methods=["POST"]),
        Route(GATE.path, decide, methods=["POST"]),
        *(Route(it.path, shown(it), methods=["GET"]) for it in SCREENS),
        *(
            Route(it.json_path, _endpoint(asked, it, is_json=True), methods=["GET"])
            for it in SCREENS
            if "{" not in it.path
        ),
    ]


def _endpoint(ask: Callable[[Request], Asked], screen: Screen, is_json: bool = False) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        as_data = is_json or wants_json(request)
        # A dot of a name is written as %2E in an address, so `.json` at its end is the other form.
        if "key" in request.path_params and request.scope["raw_path"].endswith(b".json"):
            request.path_params["key"] = request.path_params["key"].removesuffix(JSON)
            as_data = True
        return await _looked_at(ask(request), screen, as_data=as_data)

    return endpoint


async def _looked_at(
    asked: Asked,
    screen: Screen,
    said: Mapping[str, str] | None = None,
    error: str = "",
    as_data: bool = False,
) -> Response:
    """What a screen shows, as a page or as JSON, or why it does not."""
    try:
        asked.principal.require(screen.right, "looking at this page")
        seen = await screen.look(asked)
    except OrchestrationError as refused:
        status = status_of(refused)
        told = "The store does not answer." if isinstance(refused, StoreError) else str(refused)
        if as_data:
            return as_json({"error": told}, status)
        return as_page("refused.html", _frame(asked, screen) | {"error": told}, status)
    refused = seen.get("refused", "")
    if as_data:
        return as_json({"error": refused} if refused else seen, 422 if refused else 200)
    return _shown(asked, screen, seen, said, error or refused)


def _shown(
    asked: Asked, screen: Screen, seen: Seen, said: Mapping[str, str] | None = None, error: str = ""
) -> Response:
    """The page of a screen; that of a gate with its form, and why what was said was refused."""
    if isinstance(gate := seen.get("gate"), Gate):
        may = deciding.may_decide(asked.principal, gate)
        form = {"may_decide": may, "form": deciding.form_of(gate, said or {})}
        seen = {**seen, **form, "comment": (said or {}).get("comment", "")}
    values = {**_frame(asked, screen), "error": error, **seen}
    if seen.get("refused"):  # the stream would be refused as well
        values["stream"] = None
    return as_page(screen.template, values, 422 if error else 200)


async def _decide(asked: Asked) -> Response:
    """Decide a gate as its form says, and show it; the form again where that is refused."""
    said, request, error = await calls.sent(asked.request), asked.request, ""
    form = said if isinstance(said, calls.Form) else None
    as_data = wants_json(request) or form is None
    try:
        asked.principal.require(Right.READ, "looking at this page")
        gate = (await GATE.look(asked))["gate"]
        tool = asked.principal.tool(calls.PREFIX + deciding.TOOL)
        given = deciding.arguments(gate, form) if form else {**said, "gate_id": gate.gate_id}
        answer = await calls.run(tool, asked.orch, asked.principal, given)
        if as_data:
            return as_json(answer)
        if "hx-request" not in request.headers:
            return RedirectResponse(link("/gates", gate.gate_id), 303, headers=HEADERS)
    except OrchestrationError as refused:
        if as_data:
            return as_json({"error": str(refused)}, status_of(refused))
        error = str(refused)
    except TimeoutError:
        error = "Deciding takes longer than its time; it may go on. Look again."
        if as_data:
            return as_json({"error": error}, 504)
    return await _looked_at(asked, GATE, form, error)


def _frame(asked: Asked, screen: Screen) -> dict[str, object]:
    """What every page has around what it shows."""
    request, principal = asked.request, asked.principal
    address = address_of(request.scope)
    wanted = None if screen.events is None else screen.events(asked)
    return {
        "title": screen.title,
        "screen": screen,
        "screens": [it for it in SCREENS if it.is_listed and it.right in principal.rights],
        "address": address,
        "stream": None if wanted is None else link(events.PATH, **wanted, every_ms=EVERY_MS),
        "look_again_ms": LOOK_AGAIN_SECONDS * 1000 if screen.looks_again else 0,
        "who": principal.name,
        "has_logged_in": cookie_of(request.headers) in request.cookies,
        "call": partial(calls.call, back=address),
        "may": partial(calls.may_call, principal),
    }


async def _log_in(request: Request, options: HttpOptions, identify: Identify) -> Response:
    """Ask for a token, and keep it in a cookie that no script can read."""
    to = calls.back(request)
    if request.method == "GET":
        return as_page("login.html", {"title": "Log in", "to": to, "error": ""})
    token = str((await calls.sent(request)).get("token", "")).strip()
    told = ""
    try:
        if not options.is_token(token) and await identify(token) is None:
            told = "This token is not known, was revoked or has expired."
    except StoreError:
        told = "The store does not answer; try again."
    if told:
        return as_page("login.html", {"title": "Log in", "to": to, "error": told}, 401)
    answer = RedirectResponse(to, 303, headers=HEADERS)
    answer.set_cookie(
        cookie_of(request.headers),
        quote(token),
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.headers.get("origin", "").startswith("https:"),
    )
    return answer


async def _log_out(request: Request) -> Response:
    calls.check_own_page(request)
    answer = RedirectResponse(LOGIN, 303, headers=HEADERS)
    answer.delete_cookie(cookie_of(request.headers), httponly=True, samesite="strict")
    return answer


def to_login(address: str) -> Response:
    """Lead a browser that brings no valid token to where it can bring one."""
    return RedirectResponse(f"{LOGIN}?{urlencode({'back': address})}", 303, headers=HEADERS)


class _Files(StaticFiles):
    """The dashboard's own files: whoever has one need not ask for it again, see `version`."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        answer.headers["x-content-type-options"] = "nosniff"
        return answer
