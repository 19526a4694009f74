"""`agents.list`: all, or those that something of theirs names, and no more than asked for."""

from __future__ import annotations

from graph_orch import Orchestrator


def test_agents_are_listed_by_id_and_up_to_a_limit(orch: Orchestrator) -> None:
    ids = [f"agent-{number:03}" for number in range(250)]
    for agent_id in reversed(ids):
        orch.agents.register_agent(agent_id, ["Python"], metadata={"of": agent_id})
    found = orch.agents.list()
    assert [it.agent_id for it in found] == ids
    assert [it.metadata for it in found] == [{"of": it} for it in ids]
    assert all(it.capabilities == ["Python"] for it in found)
    assert [it.agent_id for it in orch.agents.list(limit=101)] == ids[:101]


def test_an_agent_is_found_by_its_id_a_skill_or_a_label(orch: Orchestrator) -> None:
    orch.agents.register_agent("Ada", ["Straße"])
    orch.agents.register_agent("bob", ["python"], labels=["Region=EU"])
    orch.agents.register_agent("eve", [])
    orch.agents.register_agent("Straße-1", [], labels=["team=ΟΔΟΣ"])

    def found(text: str) -> list[str]:
        return [it.agent_id for it in orch.agents.list(containing=text)]

    assert found("ad") == ["Ada"]
    assert found("strasse") == ["Ada"]
    assert found("REGION") == ["bob"]
    assert found("e") == ["Ada", "Straße-1", "bob", "eve"]
    assert found("nobody") == []
    assert found("straße-1") == found("ΟΔΟΣ") == ["Straße-1"]
    assert [it.agent_id for it in orch.agents.list(containing="e", limit=1)] == ["Ada"]
