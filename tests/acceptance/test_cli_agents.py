"""`graph-orch agent …` on an agent that there is."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from graph_orch import Orchestrator
from tests.command_line import Cli


def test_what_is_not_given_stays(cli: Cli, connected: Orchestrator, tmp_path: Path) -> None:
    agent_id = f"agent-{uuid4()}"
    cli("agent", "register", agent_id, "-s", "x", "-s", "y", "--slots", "2")
    connected.agents.register_agent(agent_id, ["x", "y"], {"team": "red"})
    again = cli.json("agent", "register", agent_id, "--slots", "3")
    assert (again["capabilities"], again["max_concurrent_tasks"]) == (["x", "y"], 3)
    fewer = cli.json("agent", "register", agent_id, "-s", "y")
    assert (fewer["capabilities"], fewer["max_concurrent_tasks"]) == (["y"], 3)
    assert fewer["metadata"] == {"team": "red"}
    card = tmp_path / "card.json"
    card.write_text(cli("agent", "export", agent_id).stdout)
    from_card = cli.json("agent", "import", str(card), "--id", agent_id)
    assert from_card["max_concurrent_tasks"] == 3
    assert from_card["metadata"]["team"] == "red"
    assert from_card["metadata"]["a2a_card"]["skills"]
