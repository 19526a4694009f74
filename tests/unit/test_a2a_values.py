"""What A2A brings in: agent cards and messages that are nearly right."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime

import pytest
from a2a.types import a2a_pb2 as pb
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from graph_orch import Agent
from graph_orch.errors import ValidationError
from graph_orch.serve.a2a import card_of, parse_card
from graph_orch.serve.a2a.cards import CARD
from graph_orch.serve.a2a.tasks import new_task

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def agent(card: object) -> Agent:
    return Agent.model_construct(
        agent_id="ada",
        capabilities=[],
        registered_at=NOW,
        last_seen_at=NOW,
        metadata={CARD: card},
    )


@pytest.mark.parametrize(
    "card",
    [
        {"\ud800": 1},
        {"name": "half \ud800"},
        {"name": ["x"]},
        {"name": "x", "capabilities": {"extensions": [{"params": {"a": float("nan")}}]}},
        {"name": "x", "capabilities": {"extensions": [{"params": {"a": 10**400}}]}},
        {"name": "x", "description": "x" * 1_000_001},
        {"skills": ["x" * 100_000]},
    ],
)
def test_card_that_is_none(card):
    for read in (lambda: parse_card(json.dumps(card)), lambda: card_of(agent(card), "http://x")):
        with pytest.raises(ValidationError, match="card") as raised:
            read()
        assert len(str(raised.value)) < 1_000


def test_metadata_of_an_agent_stays_as_it_is():
    kept = {"name": "x", "url": "http://x", "skills": [{"id": "a", "security": [{"k": []}]}]}
    it = agent(copy.deepcopy(kept))
    assert card_of(it, "").name == "x"
    assert it.metadata == {CARD: kept}


@pytest.mark.parametrize(("number", "taken"), [(2**53 - 1, True), (2**53, False), (1e300, False)])
def test_whole_number_that_may_be_another_is_refused(number, taken):
    part = pb.Part(data=ParseDict({"n": [-number]}, Value()))
    message = pb.Message(message_id="m", parts=[pb.Part(text="x"), part])
    if taken:
        assert new_task(message, "ada").metadata["data"] == [{"n": [-number]}]
        return
    with pytest.raises(ValidationError, match="send it as text"):
        new_task(message, "ada")
