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
from graph_orch.serve.guard import COOKIE, LOGIN, STATIC
from graph_orch.serve.options import HttpOptions
from graph_orch.serve.principals import Identify, Principal
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
            wants_page = "text/html" in request.headers.get("accept", "")
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
        principal: Principal = request.state.principal
        wants_json = is_json or calls.wants_json(request)
        # A dot of a name is written as %2E in an address, so `.json` at its end is the other form.
        if "key" in request.path_params and request.scope["raw_path"].endswith(b".json"):
            request.path_params["key"] = request.path_params["key"].removesuffix(JSON)
            wants_json = True
        asked = ask(request)
        try:
            principal.require(Right.READ, "looking at this page")
            seen = await screen.look(asked)
        except OrchestrationError as error:
            status = status_of(error)
            told = "The store does not answer." if isinstance(error, StoreError) else str(error)
            if wants_json:
                return as_json({"error": told}, status)
            return as_page("refused.html", _frame(asked, screen) | {"error": told}, status)
        if wants_json:
            return as_json(seen)
        return _shown(asked, screen, seen)

    return endpoint


def _shown(
    asked: Asked, screen: Screen, seen: Seen, said: Mapping[str, str] | None = None, error: str = ""
) -> Response:
    """The page of a screen; that of a gate with its form, and why what was said was refused."""
    if isinstance(gate := seen.get("gate"), Gate):
        may = deciding.may_decide(asked.principal, gate)
        form = {"may_decide": may, "form": deciding.form_of(gate, said or {}), "error": error}
        seen = {**seen, **form, "comment": (said or {}).get("comment", "")}
    values = {**_frame(asked, screen), **seen}
    return as_page(screen.template, values, 422 if error else 200)


async def _decide(asked: Asked) -> Response:
    """Decide a gate as its form says, and show it; the form again where that is refused."""
    said, request, error = await calls.form(asked.request), asked.request, ""
    wants_json = calls.wants_json(request)
    try:
        gate = (await GATE.look(asked))["gate"]
        tool = asked.principal.tool(calls.PREFIX + deciding.TOOL)
        given = deciding.arguments(gate, said)
        answer = await calls.run(tool, asked.orch, asked.principal, given)
        if wants_json:
            return as_json(answer)
        if "hx-request" not in request.headers:
            return RedirectResponse(link("/gates", gate.gate_id), 303, headers=HEADERS)
    except OrchestrationError as refused:
        if wants_json or isinstance(refused, KeyError):
            return as_json({"error": str(refused)}, status_of(refused))
        error = str(refused)
    return _shown(asked, GATE, await GATE.look(asked), said, error)


def _frame(asked: Asked, screen: Screen) -> dict[str, object]:
    """What every page has around what it shows."""
    request, principal = asked.request, asked.principal
    address = calls.address(request)
    wanted = None if screen.events is None else screen.events(asked)
    return {
        "title": screen.title,
        "screen": screen,
        "screens": [it for it in SCREENS if it.is_listed],
        "address": address,
        "stream": None if wanted is None else link(events.PATH, **wanted, every_ms=EVERY_MS),
        "look_again_ms": LOOK_AGAIN_SECONDS * 1000 if screen.looks_again else None,
        "who": principal.name,
        "has_logged_in": COOKIE in request.cookies,
        "call": partial(calls.call, back=address),
        "may": partial(calls.may_call, principal),
    }


async def _log_in(request: Request, options: HttpOptions, identify: Identify) -> Response:
    """Ask for a token, and keep it in a cookie that no script can read."""
    to = calls.back(request)
    if request.method == "GET":
        return as_page("login.html", {"title": "Log in", "to": to, "error": ""})
    said = await calls.form(request)
    token = said.get("token", "").strip()
    if not options.is_token(token) and await identify(token) is None:
        told = "This token is not known, was revoked or has expired."
        return as_page("login.html", {"title": "Log in", "to": to, "error": told}, 401)
    answer = RedirectResponse(to, 303, headers=HEADERS)
    answer.set_cookie(
        COOKIE,
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
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
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
