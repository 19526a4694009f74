"""Gates: tasks wait at them until a person decides, or answers, or their time is over."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import ceil
from typing import Any

from pydantic import JsonValue

from graph_orch._async.creation import add_lanes, insert, insertion
from graph_orch._async.due import AsyncDue
from graph_orch._async.graph import AlreadyAppliedError, AsyncGraph, AsyncTransaction
from graph_orch.domain.answers import check_schema, refuse_answer
from graph_orch.domain.fields import (
    CONTENT,
    JSON,
    LEASE,
    LIMIT,
    MAX_BATCH,
    MAX_BATCH_BYTES,
    NAME,
    NEW_NAME,
    NEW_NAMES,
    TASK_ID,
    TASK_IDS,
    Check,
    instance,
)
from graph_orch.domain.forms import dump_json, load_json
from graph_orch.domain.ids import new_hex, new_uuid
from graph_orch.domain.lifecycle import Command, allowed_from
from graph_orch.domain.links import Link
from graph_orch.domain.models import RetryPolicy, copy_of
from graph_orch.domain.models.gates import KIND_DECISIONS, Gate, GateDecision, GateKind, GateStatus
from graph_orch.domain.models.tokens import of_people
from graph_orch.errors import (
    GateClosedError,
    GateNotFoundError,
    InvalidTransitionError,
    LinkExpiredError,
    LinkInvalidError,
    NotApproverError,
    TaskNotFoundError,
    ValidationError,
)

MOST_WAITING = 1_000
"""How many tasks may wait at a gate that is sent back."""
MOST_REDONE = 1_000
MOST_EDGES = 10_000
"""How many tasks are done again at once, and how many dependencies may lead to them: it is one
transaction, for which claims of tasks like these wait."""
MOST_BETWEEN = 10_000
"""How many tasks are looked at for those between what is redone and the gate."""
SHOWN = 100
"""How many of the tasks that wait at a gate are told."""
KIND: Check[GateKind] = Check(GateKind)
STATUS: Check[GateStatus] = Check(GateStatus)
DECISION: Check[GateDecision] = Check(GateDecision)


class AsyncGates:
    """Gates in a graph. A task that waits at one is pending and blocked, and holds no slot."""

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph
        self._due = AsyncDue(graph)

    async def create(
        self,
        question: str,
        *,
        kind: GateKind | str = GateKind.APPROVAL,
        approvers: Sequence[str] = (),
        schema: Mapping[str, JsonValue] | None = None,
        expires_seconds: float | None = None,
        default: GateDecision | str | None = None,
        task_ids: Sequence[str] = (),
    ) -> Gate:
        """Create a gate. Tasks wait at it that are named here, or created with `gates=[gate_id]`.

        Args:
            question: What is asked, at most 1 MB.
            kind: "approval" is approved or rejected; "input" is answered, or rejected; "event"
                takes all three.
            approvers: Who may decide it; empty: anybody.
            schema: The JSON schema that an answer must fit.
            expires_seconds: So long it can be decided. Then it counts as a failed dependency.
            default: The decision that counts instead where nobody decides in time.
            task_ids: Pending tasks that wait at it from now on.

        Raises:
            ValidationError: an argument is not acceptable, or the schema is none.
            TaskNotFoundError: a task does not exist.
            InvalidTransitionError: a task is not pending.
        """
        ids = sorted(set(TASK_IDS.of("task_ids", task_ids)))
        gate, seconds = new_gate(question, kind, approvers, schema, expires_seconds, default)
        with suppress(AlreadyAppliedError):  # it was created, and the answer was lost
            await self._graph.transaction(_create, gate, seconds, ids, new_hex())
        return await self._found(gate["gate_id"])

    async def decide(
        self,
        gate_id: str,
        decision: GateDecision | str,
        *,
        by: str,
        comment: str | None = None,
        payload: JsonValue = None,
    ) -> Gate:
        """Decide a gate. The tasks that wait for nothing else become ready, or count it as failed.

        Deciding it again in the same way changes nothing.

        Args:
            decision: "approve", "reject" or "answer"; or "send_back", see `send_back`.
            by: Who decides.
            comment: A word on it, kept with the gate.
            payload: The answer: any JSON that fits the gate's schema.

        Raises:
            GateNotFoundError: there is no such gate.
            GateClosedError: it was decided otherwise, or has expired; the error says by whom.
            NotApproverError: it names others who may decide it.
            ValidationError: the decision is not one for its kind, or the answer does not fit.
        """
        if decision == GateDecision.SEND_BACK:
            return await self.send_back(gate_id, by=by, comment=comment)
        gate = await self._found(NAME.of("gate_id", gate_id))
        wanted = _decision(gate.kind, decision)
        who = NEW_NAME.of("by", by)
        if gate.approvers and who not in gate.approvers:
            raise NotApproverError(gate.gate_id, who, gate.approvers)
        answer = None if payload is None else dump_json(JSON.of("payload", payload))
        if wanted is GateDecision.ANSWER:
            refuse_answer(gate.json_schema, payload)
        rows = await self._graph.write(
            "gates/decide",
            gate_id=gate.gate_id,
            status=wanted.status.value,
            by=who,
            comment=None if comment is None else CONTENT.of("comment", comment),
            payload=answer,
            command_id=new_hex(),
        )
        if not rows:
            await self._due.expire_gate(gate.gate_id)  # it may have expired just now
            gate = await self._found(gate.gate_id)
            if (gate.status, gate.payload) != (wanted.status, payload):
                raise GateClosedError(gate.gate_id, wanted, gate.status, gate.decided_by)
        await self._due.release_gate(gate.gate_id)
        return await self._found(gate.gate_id)

    async def send_back(
        self, gate_id: str, *, by: str, comment: str | None = None, task_id: str | None = None
    ) -> Gate:
        """Have what is judged done again, with a comment; the gate that is open in its place.

        Of each completed task on which those that wait at the gate depend, a copy is created, which
        takes its place as dependency and its name; so it is of what lies between them and the gate.
        The comments stand in its metadata, under `sent_back`: a list, the last comment last.
        Sending it back again in the same way changes nothing. Where a handler asked, the answer is
        the gate itself, now `sent_back`: that handler begins from its start once the copies are
        done, and asks anew.

        Args:
            by: Who decides.
            comment: What is to be done better.
            task_id: Only this one of these tasks, and those of them that depend on it.

        Raises:
            GateNotFoundError: there is no such gate.
            GateClosedError: it was decided, or has expired; the error says by whom.
            NotApproverError: it names others who may decide it.
            ValidationError: nothing was done that could be done again, or more than 1,000 tasks, to
                which 10,000 dependencies lead.
        """
        gate = await self._found(NAME.of("gate_id", gate_id))
        who = NEW_NAME.of("by", by)
        if gate.approvers and who not in gate.approvers:
            raise NotApproverError(gate.gate_id, who, gate.approvers)
        asked: dict[str, Any] = {
            "gate_id": gate.gate_id,
            "new_gate_id": new_uuid(),
            "by": who,
            "comment": None if comment is None else CONTENT.of("comment", comment),
            "task_id": None if task_id is None else TASK_ID.of("task_id", task_id),
            "command_id": new_hex(),
        }
        asked["also"] = await self._between(gate.gate_id, asked["task_id"])
        if not await self._graph.transaction(_send_back, asked):
            await self._due.expire_gate(gate.gate_id)  # it may have expired just now
            gate = await self._found(gate.gate_id)
            said = gate.decided_by, gate.comment
            if gate.status is not GateStatus.SENT_BACK or said != (who, asked["comment"]):
                raise GateClosedError(
                    gate.gate_id, GateDecision.SEND_BACK, gate.status, gate.decided_by
                )
        else:
            self._graph.work.tell()
            gate = await self._found(gate.gate_id)
        return await self._found(gate.reopened_as or gate.gate_id)

    async def _between(self, gate_id: str, task_id: str | None) -> list[str]:
        """The tasks between those that are redone and the gate, which are redone with them."""
        (row,) = await self._graph.read(
            "gates/between",
            gate_id=gate_id,
            task_id=task_id,
            most=MOST_BETWEEN,
        )
        between = set(row["down"]).intersection(row["up"] + row["direct"])
        if between and MOST_BETWEEN in map(len, row.values()):
            raise ValidationError(
                f"send_back: more than {MOST_BETWEEN:,} tasks lead to the gate, or depend on what "
                "would be done again: reject the gate, and start what is to be redone"
            )
        return sorted(between)

    async def get(self, gate_id: str) -> Gate | None:
        """The gate of this id; None where there is none."""
        key = NAME.of("gate_id", gate_id)
        rows = await self._graph.read("gates/get", gate_id=key, limit=SHOWN)
        return Gate.from_record(rows[0]) if rows else None

    async def _found(self, gate_id: str) -> Gate:
        found = await self.get(gate_id)
        if found is None:
            raise GateNotFoundError([gate_id])
        return found

    async def list(
        self,
        status: GateStatus | str = GateStatus.OPEN,
        limit: int = 100,
        *,
        approver: str | None = None,
    ) -> Sequence[Gate]:
        """The gates of one status, oldest first.

        Args:
            approver: Only those that this person may decide.
        """
        rows = await self._graph.read(
            "gates/list",
            status=STATUS.of("status", status).value,
            limit=LIMIT.of("limit", limit),
            approver=None if approver is None else NAME.of("approver", approver),
        )
        return [Gate.from_record(row) for row in rows]

    async def link(
        self,
        gate_id: str,
        approver: str,
        expires_seconds: float = 604_800.0,
        *,
        url: str = "http://127.0.0.1:8000",
    ) -> str:
        """The address of a page by which one person decides a gate, once, without a token.

        Whoever has it decides as that person, so it goes to that person alone. `graph-orch mcp
        --http` serves the page.

        Args:
            approver: Who decides.
            expires_seconds: So long it can be used; a week by default.
            url: Where the server is reached.

        Raises:
            GateNotFoundError: there is no such gate.
            GateClosedError: it is decided already.
            NotApproverError: it names others who may decide it.
        """
        gate = await self._found(NAME.of("gate_id", gate_id))
        who = NEW_NAME.of("approver", approver)
        at = instance("url", str, url).rstrip("/")
        seconds = LEASE.of("expires_seconds", expires_seconds)
        if gate.approvers and who not in gate.approvers:
            raise NotApproverError(gate.gate_id, who, gate.approvers)
        if gate.status is not GateStatus.OPEN:
            raise GateClosedError(gate.gate_id, "link to", gate.status, gate.decided_by)
        row = await self._link_key(replace=False)
        link = Link(gate.gate_id, who, row["now"] + ceil(seconds or 0))
        return f"{at}/decide/{link.signed(row['key'])}"

    async def open_link(self, link: str) -> tuple[Gate, str]:
        """The gate that a link is for, which is open, and who decides it by the link.

        Args:
            link: The last part of the address.

        Raises:
            LinkInvalidError: the link was not made here, or was changed.
            LinkExpiredError: its time is over.
            GateNotFoundError: the gate is not there any more.
            GateClosedError: it is decided already, or has expired.
        """
        rows = await self._graph.read("gates/link_key")
        if not rows:  # no link was ever made
            raise LinkInvalidError
        found = Link.read(instance("link", str, link), rows[0]["key"])
        if found.expires <= rows[0]["now"]:
            raise LinkExpiredError
        await self._due.expire_gate(found.gate_id)
        gate = await self._found(found.gate_id)
        if gate.status is not GateStatus.OPEN:
            raise GateClosedError(gate.gate_id, "link to", gate.status, gate.decided_by)
        return gate, found.approver

    async def rotate_links(self) -> None:
        """Make all links to gates invalid that were made until now."""
        await self._link_key(replace=True)

    async def _link_key(self, replace: bool) -> Mapping[str, Any]:
        """The key that signs links: made once, from 256 random bits, and kept in the graph."""
        fresh = secrets.token_hex(32)
        rows = await self._graph.write("gates/make_link_key", key=fresh, replace=replace)
        return rows[0]

    async def of_tasks(self, task_ids: Sequence[str], each: int = 100) -> dict[str, list[Gate]]:
        """The open gates at which pending tasks wait, by task, that first which was opened first.

        Tasks that wait at none are left out; of all together there are 10,000 gates at most.

        Args:
            each: How many gates of a task at most.
        """
        ids = TASK_IDS.of("task_ids", task_ids)
        found: dict[str, list[Gate]] = {}
        if not ids:
            return found
        limits = {"each": LIMIT.of("each", each), "limit": MAX_BATCH}
        for row in await self._graph.read("gates/of_tasks", ids=ids, **limits):
            found.setdefault(row["task_id"], []).append(Gate.from_record(row))
        return found

    async def only_of(self, task_id: str) -> str | None:
        """The id of the open gate at which a task waits, where it has never waited at another.

        So whoever decides it without naming it, and asks twice, decides no other.
        """
        key = TASK_ID.of("task_id", task_id)
        rows = await self._graph.read("gates/of_tasks", ids=[key], each=1, limit=1)
        return rows[0]["gate"]["gate_id"] if rows and rows[0]["only"] else None

    async def count_waiting(self) -> int:
        """How many pending tasks wait at open gates."""
        return (await self._graph.read("gates/count_waiting"))[0]["number"]


def new_gate(
    question: str,
    kind: GateKind | str,
    approvers: Sequence[str],
    schema: Mapping[str, JsonValue] | None,
    expires_seconds: float | None,
    default: GateDecision | str | None,
) -> tuple[dict[str, Any], float | None]:
    """The properties of a gate to be created, and for how long it can be decided.

    Raises:
        ValidationError: an argument is not acceptable, or the schema is none.
    """
    of_kind = KIND.of("kind", kind)
    seconds = LEASE.of("expires_seconds", expires_seconds)
    gate: dict[str, Any] = {
        "gate_id": new_uuid(),
        "kind": of_kind.value,
        "question": CONTENT.of("question", question),
        "approvers": of_people("approvers", NEW_NAMES.of("approvers", approvers)),
    }
    if schema is not None:
        gate["schema"] = dump_json(check_schema(schema))
    if default is not None:
        if seconds is None:
            raise ValidationError("default: a gate without expires_seconds waits for ever")
        gate["default"] = _decision(of_kind, default).status.value
    return gate, seconds


async def _create(
    tx: AsyncTransaction,
    gate: Mapping[str, Any],
    expires_seconds: float | None,
    task_ids: list[str],
    command_id: str,
) -> None:
    (row,) = await tx.run(
        "gates/create",
        gate=gate,
        expires_seconds=expires_seconds,
        task_ids=task_ids,
        detail=dump_json({"gate": gate["gate_id"]}),
        command_id=command_id,
    )
    for task_id in sorted({*task_ids}.difference(row["task_ids"])):
        found = await tx.run("tasks/get", task_id=task_id)
        if not found:
            raise TaskNotFoundError(task_id)
        command = Command.ADD_DEPENDENCY
        status = found[0]["task"]["status"]
        raise InvalidTransitionError(command, task_id, status, allowed_from(command))


async def _send_back(tx: AsyncTransaction, asked: Mapping[str, Any]) -> bool:
    """Send a gate back, and create the copies of what is redone; whether it was open."""
    limits = {"most": MOST_REDONE, "most_edges": MOST_EDGES, "most_letters": MAX_BATCH_BYTES}
    rows = await tx.run("gates/send_back", **asked, **limits, limit=MOST_WAITING + 1)
    if not rows:
        return False
    waiting, redone = rows[0]["waiting"], rows[0]["redone"]
    _refuse_too_much(rows[0])
    if not redone:
        what = "no completed task" if asked["task_id"] is None else f"no {asked['task_id']!r}"
        raise ValidationError(
            f"send_back: the tasks that wait at the gate depend on {what} that could be done "
            "again; approve or reject it"
        )
    note = {"gate_id": asked["gate_id"], "by": asked["by"], "comment": asked["comment"]}
    copied = [copy_of(row, metadata=_with_note(row, note)) for row in redone]
    # What is redone together names what is done now, and not what was done before.
    ids = {row["task"]["task_id"]: it.task_id for row, it in zip(redone, copied, strict=True)}
    new = [task.renamed(ids) for task in copied]
    charged = {row["task"].get("workflow_id") for row in redone if row["task"].get("charges")}
    params = insertion(new, RetryPolicy(), charged)
    await add_lanes(tx, new, charged)
    created, _ = await insert(tx, {**params, "now": None})
    if not created:
        raise ValidationError(
            "send_back: what was done cannot be done again: its workflow was cancelled, or what it "
            "depended on was deleted; approve or reject the gate"
        )
    copies = [
        {"old": row["task"]["task_id"], "new": task.task_id}
        for row, task in zip(redone, new, strict=True)
    ]
    await tx.run(
        "gates/move",
        gate_id=asked["gate_id"],
        new_gate_id=asked["new_gate_id"],
        task_ids=waiting,
        copies=copies,
        detail=dump_json({"gate": asked["new_gate_id"], "redone": copies}),
        command_id=asked["command_id"],
    )
    return True


def _refuse_too_much(row: Mapping[str, Any]) -> None:
    """Raises ValidationError where a row of `gates/send_back` is about more than can be redone."""
    instead = "name one task with task_id, or reject the gate"
    if row["number"] > MOST_WAITING:
        raise ValidationError(
            f"send_back: {row['number']:,} tasks wait at the gate, and at most {MOST_WAITING:,} "
            "may; reject it"
        )
    if row["judged"] > MOST_REDONE or row["edges"] > MOST_EDGES:
        raise ValidationError(
            f"send_back: {row['judged']:,} tasks would be done again, to which {row['edges']:,} "
            f"dependencies lead; at most {MOST_REDONE:,} and {MOST_EDGES:,} are at once: {instead}"
        )
    if row["letters"] > MAX_BATCH_BYTES:
        raise ValidationError(
            f"send_back: what would be done again holds {row['letters']:,} characters, and at most "
            f"{MAX_BATCH_BYTES:,} are written at once: {instead}"
        )


def _with_note(row: Mapping[str, Any], note: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The metadata of a task that is redone, and why it is."""
    found = load_json(row["task"].get("metadata"))
    metadata = found if isinstance(found, dict) else {} if found is None else {"metadata": found}
    notes = metadata.get("sent_back")
    notes = notes if isinstance(notes, list) else []
    return {**metadata, "sent_back": [*notes, {"task_id": row["task"]["task_id"], **note}]}


def _decision(kind: GateKind, decision: object) -> GateDecision:
    wanted = DECISION.of("decision", decision)
    if wanted not in KIND_DECISIONS[kind]:
        raise ValidationError(
            f"decision: a gate of the kind {kind} is not decided by {wanted}, but by "
            f"{' or '.join(KIND_DECISIONS[kind])}"
        )
    return wanted
