"""The form of a gate: the decisions that it takes, and the fields of the answer that it asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from graph_orch import Gate, GateDecision
from graph_orch.domain.models.gates import KIND_DECISIONS
from graph_orch.serve.principals import Principal
from graph_orch.serve.web.calls import may_call
from graph_orch.serve.web.forms import Field, fields, values

TOOL = "decide_gate"
ANY: Mapping[str, Any] = {"description": "Any value"}
"""The schema of an answer where the gate asks for none in particular."""


def may_decide(principal: Principal, gate: Gate) -> bool:
    """Whether somebody would be let decide a gate here."""
    is_named = not gate.approvers or (principal.is_known and principal.name in gate.approvers)
    return may_call(principal, TOOL) and is_named


def form_of(gate: Gate, said: Mapping[str, str]) -> tuple[Field, ...]:
    """The fields of an answer, with what stands in them; none where a gate takes no answer."""
    if GateDecision.ANSWER not in KIND_DECISIONS[gate.kind]:
        return ()
    schema = _schema(gate)
    return fields(schema, values(schema, said))


def arguments(gate: Gate, said: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of the tool that decides, from a form."""
    found: dict[str, Any] = {"gate_id": gate.gate_id, "decision": said.get("decision", "")}
    if comment := said.get("comment", "").strip():
        found["comment"] = comment
    if found["decision"] == GateDecision.ANSWER:
        found["payload"] = values(_schema(gate), said).get("answer")
    return found


def _schema(gate: Gate) -> Mapping[str, Any]:
    asked = gate.json_schema if isinstance(gate.json_schema, dict) else ANY
    return {"properties": {"answer": cast(Mapping[str, Any], asked)}, "required": ["answer"]}
