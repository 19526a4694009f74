"""Stand-ins for models, as the frameworks bring them for tests: rules in place of a network.

Each call takes a while, as one of a provider does. Then it is charged for: a line in the file that
PAID names. STALL names calls that are never answered, so that a process can be killed in them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import zlib
from decimal import Decimal
from pathlib import Path

from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message
from agents.usage import Usage
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel


def price(model: str, tokens_in: int, tokens_out: int) -> Decimal:
    """What a call costs, in US dollars."""
    return Decimal(tokens_in + 8 * tokens_out) / 800_000


async def pay(who: str, number: int, asked: str) -> None:
    """Answer after a while, and charge for the call."""
    call = f"{who} {number}"
    if call == os.environ.get("STALL"):
        await asyncio.Event().wait()
    await asyncio.sleep(0.3)
    charge(f"{call} {zlib.crc32(asked.encode()):08x}\n")


def charge(line: str) -> None:
    if path := os.environ.get("PAID"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line)


async def plan(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    asked = prompt(messages)
    await pay("planner", 1, asked)
    papers = [
        name
        for name, title in re.findall(r"^- ([\w-]+): (.+)$", asked, re.M)
        if "bees" in title.lower()
    ]
    questions = ["Do more bees live where trees stand?", "What limits that?"]
    return output(info, questions=questions, papers=papers)


async def read(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    asked, texts = (
        prompt(messages),
        [
            part.model_response_str()
            for message in messages
            for part in message.parts
            if isinstance(part, ToolReturnPart)
        ],
    )
    await pay("reader", 1 + len(texts), asked)
    name = asked.split("'")[1]
    if not texts:
        return ModelResponse(parts=[ToolCallPart("open_paper", {"name": name})])
    said = dict(re.findall(r"^(Finding|Limits): (.+)$", texts[0], re.M))
    return output(info, paper=name, finding=said["Finding"], limits=said["Limits"])


async def write(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    asked = prompt(messages)
    await pay("writer", 1, asked)
    given = json.loads(asked)
    text = " ".join(f"{it['finding']} [{it['paper']}]" for it in given["summaries"])
    if given["comments"]:
        text += " Limits: " + " ".join(
            f"{it['limits']} [{it['paper']}]" for it in given["summaries"]
        )
    return ModelResponse(parts=[TextPart(text)])


async def judge(call: ModelCall) -> ModelStep:
    asked = str(call.input)
    await pay("reviewer", 1, asked)
    accepted = "Limits:" in asked
    comment = "It cites each paper." if accepted else "Say what limits these findings."
    answer = json.dumps({"accepted": accepted, "comment": comment})
    usage = Usage(requests=1, input_tokens=len(asked) // 4, output_tokens=len(answer) // 4)
    return ModelStep(output=[assistant_message(answer)], usage=usage)


def prompt(messages: list[ModelMessage]) -> str:
    """What the agent was asked."""
    return next(
        str(part.content)
        for message in messages
        for part in message.parts
        if isinstance(part, UserPromptPart)
    )


def output(info: AgentInfo, **fields: object) -> ModelResponse:
    """An answer of the agent's output type."""
    return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, fields)])


planner, reader, writer = FunctionModel(plan), FunctionModel(read), FunctionModel(write)
reviewer = ScriptedModel([ModelStep.respond(judge)] * 1_000)
