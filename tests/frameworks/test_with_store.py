"""A worker process is killed in the middle of ten calls of a model, with a real store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graph_orch import Worker
from graph_orch.testing import advance

PROGRAM = Path(__file__).with_name("paying.py")


@pytest.mark.parametrize("framework", ["pydantic_ai", "langgraph", "openai_agents", "command"])
def test_no_model_call_is_paid_twice_after_kill_9(orch, server, monkeypatch, tmp_path, framework):
    uri, auth, database = server
    monkeypatch.setenv("NEO4J_URI", uri)
    if auth:
        monkeypatch.setenv("NEO4J_USERNAME", auth[0])
        monkeypatch.setenv("NEO4J_PASSWORD", auth[1])
    if database:
        monkeypatch.setenv("NEO4J_DATABASE", database)
    task_id, log = orch.tasks.create_task("bees", "ask"), tmp_path / "paid"

    def work(kills_at: int) -> int:
        command = [sys.executable, str(PROGRAM), framework, str(log), str(kills_at)]
        return subprocess.run(command, check=False, timeout=120).returncode

    assert work(6) == -9
    advance(orch, 60)  # its lease runs out
    assert work(0) == 0
    task = orch.tasks.get_task_status(task_id)
    assert (task.result, task.attempt) == ("done", 2)
    assert log.read_text() == "1 2 3 4 5 6 7 8 9 10 "


def test_agents_of_all_frameworks_wait_at_gates_of_one_store(orch):
    """A sync worker runs them beside each other, and each gets the decision on its own call."""
    from agents import Agent, RunConfig, function_tool
    from agents.testing import ScriptedModel, assistant_message, function_call
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import interrupt
    from pydantic_ai import Agent as PydanticAgent
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    from graph_orch.integrations import langgraph, openai_agents, pydantic_ai

    sent: list[str] = []

    def model(messages, info):
        if any(isinstance(it, ModelResponse) for it in messages):
            return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(parts=[ToolCallPart("send", {"to": it}) for it in ("a", "b")])

    agent = PydanticAgent(FunctionModel(model))

    @agent.tool_plain(requires_approval=True)
    def send(to: str) -> str:
        sent.append(to)
        return "sent"

    both = [function_call("post", {"to": it}, call_id=it) for it in ("c", "d")]
    post = function_tool(send, name_override="post", needs_approval=True)
    script = ScriptedModel([both, [assistant_message("done")]])
    graph = StateGraph(dict)
    graph.add_node("ask", lambda state: {"title": interrupt("Title?")})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    worker = Worker(orch, "ada", [], concurrency=3)
    worker.task("pydantic")(pydantic_ai.handler(agent))
    worker.task("openai")(
        openai_agents.handler(
            Agent(name="a", model=script, tools=[post]), run_config=RunConfig(tracing_disabled=True)
        )
    )
    worker.task("graph")(langgraph.handler(graph, output=lambda state: state["title"]))
    ids = {it: orch.tasks.create_task("x", it) for it in ("pydantic", "openai", "graph")}
    worker.run(until_idle=True)
    gates = {gate.question: gate.gate_id for gate in orch.gates.list()}
    assert len(gates) == 5
    assert sent == []
    for question, gate_id in gates.items():
        if question == "Title?":
            orch.gates.decide(gate_id, "answer", by="maria", payload="Bees")
        else:
            said = "approve" if '"b"' in question or '"c"' in question else "reject"
            orch.gates.decide(gate_id, said, by="maria")
    worker.run(until_idle=True)
    tasks = {it: orch.tasks.get_task_status(task_id) for it, task_id in ids.items()}
    assert {it: task.result for it, task in tasks.items()} == {
        "pydantic": "done",
        "openai": "done",
        "graph": "Bees",
    }
    assert sorted(sent) == ["b", "c"]
    assert tasks["pydantic"].retry_count == 0
