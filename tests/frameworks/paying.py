"""A worker process with an agent of ten calls of a model, each of which a file counts.

Arguments: the framework, the file, and in which call the process kills itself; 0: in none.
"""

from __future__ import annotations

import json
import operator
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, TypedDict

from graph_orch import Worker

CALLS = 10


class Till:
    """Counts what was paid, in a file that outlives the process."""

    def __init__(self, path: str, kills_at: int) -> None:
        self.path = Path(path)
        self.kills_at = kills_at

    def __len__(self) -> int:
        return len(self.path.read_text().split()) if self.path.exists() else 0

    def pay(self, number: int) -> None:
        if number == self.kills_at:
            os.kill(os.getpid(), signal.SIGKILL)
        with self.path.open("a") as file:
            file.write(f"{number} ")


def pydantic_ai(till: Till) -> Any:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    from graph_orch.integrations.pydantic_ai import handler

    def model(messages: Any, info: Any) -> ModelResponse:
        number = sum(isinstance(it, ModelResponse) for it in messages) + 1
        till.pay(number)
        if number < CALLS:
            return ModelResponse(parts=[ToolCallPart("look", {"number": number})])
        return ModelResponse(parts=[TextPart("done")])

    agent = Agent(FunctionModel(model))

    @agent.tool_plain
    def look(number: int) -> int:
        return number

    return handler(agent)


class State(TypedDict):
    messages: Annotated[list[Any], operator.add]


def langgraph(till: Till) -> Any:
    from langchain_core.language_models.fake_chat_models import FakeListChatModel
    from langgraph.graph import END, START, StateGraph

    from graph_orch.integrations.langgraph import handler

    model = FakeListChatModel(responses=["again"] * (CALLS - 1) + ["done"])
    model.i = len(till)  # a process that was killed leaves the others to the next

    async def ask(state: State) -> Any:
        till.pay(len(state["messages"]) + 1)
        return {"messages": [await model.ainvoke("bees")]}

    def more(state: State) -> str:
        return END if len(state["messages"]) == CALLS else "ask"

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", more)
    return handler(
        graph.compile(),
        input=lambda ctx: {"messages": []},
        output=lambda state: state["messages"][-1].content,
    )


def openai_agents(till: Till) -> Any:
    from agents import Agent, ModelResponse, RunConfig, function_tool
    from agents.testing import ScriptedModel, assistant_message, function_call

    from graph_orch.integrations.openai_agents import handler

    class Paid(ScriptedModel):
        async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
            till.pay(len(till) + 1)
            return await super().get_response(*args, **kwargs)

    @function_tool
    def look(number: int) -> int:
        return number

    script: list[Any] = [
        [function_call("look", {"number": it}, call_id=f"c{it}")] for it in range(1, CALLS)
    ]
    script.append([assistant_message("done")])
    agent = Agent(name="a", model=Paid(script[len(till) :]), tools=[look])
    return handler(agent, run_config=RunConfig(tracing_disabled=True), max_turns=CALLS + 1)


def command(till: Till) -> Any:
    from graph_orch.executors import command_handler

    arguments = ["child", str(till.path), str(till.kills_at)]
    return command_handler([sys.executable, __file__, *arguments])


def child(till: Till) -> None:
    """The command: its calls are steps that it asks its worker for."""
    to = open(os.environ["GRAPH_ORCH_ASK"], "w", buffering=1)  # noqa: SIM115 - until it exits
    back = open(os.environ["GRAPH_ORCH_ANSWER"])  # noqa: SIM115

    def ask(**line: object) -> Any:
        print(json.dumps(line), file=to)
        return json.loads(back.readline())

    for number in range(1, CALLS + 1):
        if "run" in ask(step="model"):
            if number == till.kills_at:
                os.kill(os.getppid(), signal.SIGKILL)
                sys.exit(1)
            till.pay(number)
            ask(result=number)
    print("done")


if __name__ == "__main__" and sys.argv[1] == "child":
    child(Till(sys.argv[2], int(sys.argv[3])))
elif __name__ == "__main__":
    framework, log, kills_at = sys.argv[1:]
    worker = Worker(None, "ada", [])
    worker.task("ask")(globals()[framework](Till(log, int(kills_at))))
    worker.run(until_idle=True)
