"""The pages behind signed links: one person decides one gate, in a browser, without a token.

A page shows the question and a form, without a script. Looking at it decides nothing, since mail
programs open links too. Nobody can send the form for another person: its address is the link.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from graph_orch import AsyncOrchestrator, Gate
from graph_orch.domain.models.gates import KIND_DECISIONS, GateDecision, GateKind, GateStatus
from graph_orch.errors import (
    GateClosedError,
    GateNotFoundError,
    LinkExpiredError,
    LinkInvalidError,
    OrchestrationError,
    StoreError,
    ValidationError,
)
from graph_orch.serve.guard import LINKS

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "referrer-policy": "same-origin",  # with no-referrer browsers send the form with Origin: null
    "x-content-type-options": "nosniff",
}


def routes(orch: AsyncOrchestrator) -> list[Route]:
    """The route of the HTTP server for links to gates."""

    async def endpoint(request: Request) -> Response:
        link = request.path_params["link"]
        try:
            gate, approver = await orch.gates.open_link(link)
            if request.method != "POST":
                return _page(request, 200, _asked(gate, approver), _form(gate, approver))
            said = _said(await request.body(), request.headers.get("content-type", ""), gate)
            decided = await orch.gates.decide(gate.gate_id, by=approver, **said)
            # What is sent back has another gate, which is open.
            status = GateStatus.SENT_BACK if decided.gate_id != gate.gate_id else decided.status
        except OrchestrationError as error:
            return _refused(request, error)
        return _page(request, 200, {"status": status}, f"<p>It is {status}. Thank you.</p>")

    return [Route(LINKS + "{link}", endpoint=endpoint, methods=["GET", "POST"])]


def _refused(request: Request, error: OrchestrationError) -> Response:
    """What is said where a link decides nothing; of a forged one not whether its gate exists."""
    status, told = 409, str(error)
    match error:
        case LinkExpiredError() | GateNotFoundError():
            status, told = 410, str(LinkExpiredError())
        case LinkInvalidError():
            status = 404
        case GateClosedError():
            status, told = 409, f"It was decided before, and is {error.status}."
        case ValidationError():
            status = 422
        case StoreError():
            status, told = 503, "The store does not answer; try again."
        case _:
            pass
    return _page(request, status, {"error": told}, f"<p>{escape(told)}</p>")


def _page(request: Request, status: int, values: Mapping[str, Any], body: str) -> Response:
    """An answer as JSON for programs that ask for it, else as a page."""
    if wants_json(request):
        return JSONResponse(dict(values), status, headers=HEADERS)
    page = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Decide</title>"
        f"<meta name=viewport content='width=device-width'>{body}"
    )
    return HTMLResponse(page, status, headers=HEADERS)


def wants_json(request: Request) -> bool:
    """Whether a program asks, which reads JSON and no pages."""
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _asked(gate: Gate, approver: str) -> dict[str, Any]:
    return {
        "question": gate.question,
        "kind": gate.kind,
        "decisions": list(KIND_DECISIONS[gate.kind]),
        "schema": gate.json_schema,
        "expires_at": None if gate.expires_at is None else gate.expires_at.isoformat(),
        "approver": approver,
    }


def _form(gate: Gate, approver: str) -> str:
    answer = ""
    if gate.kind is not GateKind.APPROVAL:
        schema = "" if gate.json_schema is None else json.dumps(gate.json_schema, indent=2)
        answer = (
            f"<pre>{escape(schema)}</pre>"
            "<p><label>Answer, as JSON<br><textarea name=payload rows=8 cols=60></textarea></label>"
        )
    decisions = (*KIND_DECISIONS[gate.kind], GateDecision.SEND_BACK)
    buttons = " ".join(
        f"<button name=decision value={it.value}>{it.value.replace('_', ' ')}</button>"
        for it in decisions
    )
    return (
        f"<p>For {escape(approver)}:</p><pre style='white-space:pre-wrap'>{escape(gate.question)}"
        f"</pre><form method=post>{answer}<p><label>Comment<br><input name=comment size=60></label>"
        f"<p>{buttons}</form>"
    )


def _said(body: bytes, kind: str, gate: Gate) -> dict[str, Any]:
    """The arguments of `gates.decide` that a form or JSON says.

    Raises:
        ValidationError: it says no decision, or its answer is not JSON.
    """
    try:
        if kind.startswith("application/json"):
            found: object = json.loads(body)
        else:
            found = dict(parse_qsl(body.decode(), max_num_fields=10))
            if text := found.get("payload", "").strip():
                found["payload"] = json.loads(text)
    except (ValueError, RecursionError):
        raise ValidationError("the answer is not JSON; go back, and write it as JSON") from None
    given = cast(dict[str, Any], found) if isinstance(found, dict) else {}
    if "decision" not in given:
        raise ValidationError(f"decision: say {' or '.join(KIND_DECISIONS[gate.kind])}")
    decision = given["decision"]
    is_answer = decision == GateDecision.ANSWER
    return {
        "decision": decision,
        "comment": given.get("comment") or None,
        "payload": given.get("payload") if is_answer else None,
    }
