"""`graph-orch gate …`"""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from graph_orch import (
    Gate,
    GateDecision,
    GateKind,
    GateNotFoundError,
    GateStatus,
    ValidationError,
)
from graph_orch.cli.input import parse_json
from graph_orch.cli.output import Json, say, show, show_json, show_list
from graph_orch.cli.store import connect
from graph_orch.domain.characters import visible

app = typer.Typer(no_args_is_help=True, help="Decide what tasks wait for.")

COLUMNS: dict[str, str | Callable[[Gate], object]] = {
    "gate": "gate_id",
    "kind": "kind",
    "status": "status",
    "question": lambda gate: gate.question[:60],
    "approvers": lambda gate: ", ".join(gate.approvers) or None,
    "tasks": "waiting",
    "expires": "expires_at",
    "decided by": "decided_by",
}

GateId = Annotated[str, typer.Argument(help="The gate's id.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; by default your login name.")]
Comment = Annotated[str | None, typer.Option(help="A word on it, kept with the gate.")]


@app.command("create", epilog="Example: graph-orch gate create 'Publish it?' --approver grace")
def create(
    question: Annotated[str, typer.Argument(help="What is asked.")],
    kind: Annotated[GateKind, typer.Option(help="How it is decided.")] = GateKind.APPROVAL,
    approver: Annotated[list[str] | None, typer.Option(help="Who may decide it.")] = None,
    schema: Annotated[str | None, typer.Option(help="JSON schema of an answer.")] = None,
    expires_seconds: Annotated[float | None, typer.Option(help="So long it is open.")] = None,
    default: Annotated[
        GateDecision | None, typer.Option(help="The decision where nobody decides in time.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="A task that waits at it.")] = None,
    as_json: Json = False,
) -> None:
    """Create a gate, and print its id; task create --gates lets new tasks wait at it."""
    with connect() as orch:
        gate = orch.gates.create(
            question,
            kind=kind,
            approvers=approver or (),
            schema=None if schema is None else parse_json("schema", schema),
            expires_seconds=expires_seconds,
            default=default,
            task_ids=task or (),
        )
    if as_json:
        show_json(gate)
    else:
        print(visible(gate.gate_id))


@app.command("list", epilog="Example: graph-orch gate list")
def list_(
    status: Annotated[GateStatus, typer.Option(help="Only with this status.")] = GateStatus.OPEN,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List the gates of one status, oldest first."""
    with connect() as orch:
        gates = orch.gates.list(status, limit)
    show_list(gates, COLUMNS, as_json)


@app.command("show", epilog="Example: graph-orch gate show GATE_ID")
def show_(gate_id: GateId, as_json: Json = False) -> None:
    """Show a gate, and the tasks that wait at it."""
    with connect() as orch:
        gate = orch.gates.get(gate_id)
    if gate is None:
        raise GateNotFoundError([gate_id])
    show(gate, as_json)


@app.command("approve", epilog="Example: graph-orch gate approve GATE_ID --comment 'well done'")
def approve(gate_id: GateId, by: By = None, comment: Comment = None, as_json: Json = False) -> None:
    """Approve: its tasks go on."""
    _decide(gate_id, GateDecision.APPROVE, by, comment, None, as_json)


@app.command("reject", epilog="Example: graph-orch gate reject GATE_ID --comment 'too long'")
def reject(gate_id: GateId, by: By = None, comment: Comment = None, as_json: Json = False) -> None:
    """Reject: for its tasks that is a dependency that failed."""
    _decide(gate_id, GateDecision.REJECT, by, comment, None, as_json)


@app.command("send-back", epilog="Example: graph-orch gate send-back GATE_ID --comment 'shorter'")
def send_back(
    gate_id: GateId,
    task_id: Annotated[
        str | None, typer.Option("--task", help="Only this task; else all that was judged.")
    ] = None,
    by: By = None,
    comment: Comment = None,
    as_json: Json = False,
) -> None:
    """Have what is judged done again, with the comment; shows the gate that is open instead."""
    with connect() as orch:
        who = by or getpass.getuser()
        gate = orch.gates.send_back(gate_id, by=who, comment=comment, task_id=task_id)
    show(gate, as_json)


@app.command("answer", epilog="Example: graph-orch gate answer GATE_ID '{\"budget\": 5}'")
def answer(
    gate_id: GateId,
    payload: Annotated[str, typer.Argument(help="The answer, as JSON.")],
    by: By = None,
    comment: Comment = None,
    as_json: Json = False,
) -> None:
    """Answer, with JSON that fits the gate's schema: its tasks go on."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"the answer is not JSON ({error}): {payload[:100]!r}") from None
    _decide(gate_id, GateDecision.ANSWER, by, comment, found, as_json)


@app.command("link", epilog="Example: graph-orch gate link GATE_ID grace --url https://…")
def link(
    gate_id: GateId,
    approver: Annotated[str, typer.Argument(help="Who decides by it.")],
    hours: Annotated[float, typer.Option(help="So long it can be used.")] = 168.0,
    url: Annotated[
        str, typer.Option(help="Where graph-orch mcp --http is reached.")
    ] = "http://127.0.0.1:8000",
    as_json: Json = False,
) -> None:
    """Print the address of a page by which one person decides the gate, once, without a token."""
    with connect() as orch:
        address = orch.gates.link(gate_id, approver, hours * 3_600, url=url)
    if as_json:
        show_json({"link": address})
    else:
        print(address)


@app.command("rotate-links", epilog="Example: graph-orch gate rotate-links")
def rotate_links() -> None:
    """Make all links to gates invalid that were made until now."""
    with connect() as orch:
        orch.gates.rotate_links()
    say("links that were made until now decide nothing any more")


def _decide(
    gate_id: str,
    decision: GateDecision,
    by: str | None,
    comment: str | None,
    payload: Any,
    as_json: bool,
) -> None:
    with connect() as orch:
        who = by or getpass.getuser()
        gate = orch.gates.decide(gate_id, decision, by=who, comment=comment, payload=payload)
    show(gate, as_json)
