"""Every button of the dashboard: the call of a tool, shown before it is made.

A page links to the call with its arguments; the call's page asks, and a form makes it. So what may
be done, by whom, and what is said of wrong arguments is told by the tools alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from pydantic_core import to_jsonable_python
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from graph_orch import AsyncOrchestrator
from graph_orch.domain.ids import new_hex
from graph_orch.errors import OrchestrationError, ValidationError
from graph_orch.serve.guard import address_of
from graph_orch.serve.links import wants_json
from graph_orch.serve.principals import Principal
from graph_orch.serve.web.forms import Field, fields, values
from graph_orch.serve.web.page import as_json, as_page, link, status_of
from graph_orch.tools.call import LONGEST_CALL_SECONDS, Call, within
from graph_orch.tools.table import Tool

PATH = "/call"
PREFIX = "orchestration_"
COMMAND = "command_id"
"""The parameter by which the same form, sent twice, has its effect once."""
MOST_FIELDS = 200
_OWN_PATH = re.compile(r"/(?:(?!/)[!-\[\]-~]+)?")
"""A path with parameters, all of it printable ASCII without a backslash, and no host before it."""


class Form(dict[str, str]):
    """The fields of a form, by name."""


def call(tool: str, **arguments: object) -> str:
    """The address of the page that asks whether to call a tool, which is named without prefix."""
    return link(PATH, tool, **{name: _as_text(value) for name, value in arguments.items()})


def _as_text(value: object) -> object:
    """A value as a field of a form says it; a list of texts stays one."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, list | tuple) and all(isinstance(it, str) for it in value):  # pyright: ignore[reportUnknownVariableType]
        return value  # pyright: ignore[reportUnknownVariableType]
    return json.dumps(to_jsonable_python(value), ensure_ascii=False)


def may_call(principal: Principal, tool: str) -> bool:
    """Whether somebody may make a call that changes something."""
    found = principal.tools.get(PREFIX + tool)
    return found is not None and not found.read_only


async def ask(request: Request) -> Response:
    """The page of a call: what would be called, and a form for what else it may be told."""
    tool, given = _tool(request), _given(request.query_params.multi_items())
    return _page(request, tool, given)


async def make(request: Request, orch: AsyncOrchestrator) -> Response:
    """Make the call that a form says, and show its answer, or the form again with the error."""
    tool, principal = _tool(request), request.state.principal
    said = await sent(request)
    is_form = isinstance(said, Form)
    arguments = values(tool.full_schema, said) if is_form else said
    try:
        answer = await run(tool, orch, principal, arguments)
    except TimeoutError:
        raise HTTPException(504, f"{tool.name} takes longer than its time; it may go on") from None
    except OrchestrationError as error:
        if wants_json(request) or not is_form:
            return as_json({"error": str(error)}, status_of(error))
        return _page(request, tool, said, error=str(error), status=status_of(error))
    if wants_json(request) or not is_form:
        return as_json(answer)
    return as_page("called.html", {"title": "Done", "answer": answer, "back": back(request)})


async def run(
    tool: Tool, orch: AsyncOrchestrator, principal: Principal, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Call a tool for somebody.

    Raises:
        OrchestrationError: the arguments are not acceptable, or the call was refused.
    """
    context = Call(orch, why_not=principal.why_not, caller=principal)
    return await within(LONGEST_CALL_SECONDS, tool.run(context, arguments))


async def sent(request: Request) -> Form | Mapping[str, Any]:
    """What was sent: a form, as browsers do, or the arguments themselves, as a JSON object.

    Raises:
        HTTPException: it does not come from a page of this server, or is neither.
    """
    check_own_page(request)
    body = await request.body()
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            found: object = json.loads(body)
            if isinstance(found, dict):
                return cast(dict[str, Any], found)
            raise ValueError
        return Form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is no form and no JSON object") from None


def check_own_page(request: Request) -> None:
    """Refuse what another web page may have sent in the viewer's name.

    Browsers say by Sec-Fetch-Site whose page sent a form, older ones and those without TLS by
    Origin alone. Who sends a bearer token is no browser.

    Raises:
        HTTPException: it is not certain that a page of this server sent it.
    """
    headers = request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin", "")
    is_own = origin.partition("://")[2] == headers.get("host") if site is None else False
    if site != "same-origin" and not is_own and "authorization" not in headers:
        raise HTTPException(403, "a change needs the Origin of this server, or a bearer token")


def back(request: Request) -> str:
    """The page to which a form leads back: a path of this server, with its parameters."""
    given = request.query_params.get("back", "/")
    return given if _OWN_PATH.fullmatch(given) else "/"


def _tool(request: Request) -> Tool:
    """The tool of the address, which must change something."""
    principal: Principal = request.state.principal
    try:
        tool = principal.tool(PREFIX + request.path_params["tool"])
    except OrchestrationError as error:
        status = 404 if isinstance(error, ValidationError) else status_of(error)
        raise HTTPException(status, str(error)) from None
    if tool.read_only:
        raise HTTPException(403, f"{tool.name} only reads for {principal.name!r}")
    return tool


def _given(parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The parameters of an address; of one that is given more than once, a line for each."""
    found: dict[str, str] = {}
    for name, value in parameters:
        found[name] = f"{found[name]}\n{value}" if name in found else value
    return found


def _page(
    request: Request, tool: Tool, given: Mapping[str, str], error: str = "", status: int = 200
) -> Response:
    schema = tool.full_schema
    said = values(schema, given)
    fixed = {name for name in request.query_params if name in schema.get("properties", {})}
    asked: list[Field] = [it for it in fields(schema, said) if it.name != COMMAND]
    return as_page(
        "call.html",
        {
            "title": tool.short_name.replace("_", " "),
            "tool": tool,
            "call": _told(tool, {name: said[name] for name in said if name in fixed}),
            "fixed": [it for it in asked if it.name in fixed],
            "fields": [it for it in asked if it.name not in fixed],
            "command_id": given.get(COMMAND) or new_hex(),
            "takes_command": COMMAND in schema.get("properties", {}),
            "action": address_of(request.scope),
            "error": error,
            "back": back(request),
        },
        status,
    )


def _told(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """A call as a line: `fail_task(task_id="…", action="cancel")`."""
    told = (f"{name}={json.dumps(it, ensure_ascii=False)}" for name, it in arguments.items())
    return f"{tool.short_name}({', '.join(told)})"
