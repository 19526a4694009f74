"""The agents: what they are told, and what they answer. No part of this knows the workflow.

MODEL names the model, such as `openai:gpt-5`. Without it stand-ins answer, which need no network.
"""

from __future__ import annotations

import os
from pathlib import Path

import agents as openai_sdk
from pydantic import BaseModel
from pydantic_ai import Agent

from examples.literature_review import stand_ins
from graph_orch.integrations.pydantic_ai import Durability

PAPERS = Path(__file__).with_name("papers")
MODEL = os.environ.get("MODEL")
PRICE = None if MODEL else stand_ins.price  # None: what is known of the model


class Plan(BaseModel):
    """What the review is to answer, and from which papers."""

    questions: list[str]
    papers: list[str]


class Summary(BaseModel):
    """What one paper says."""

    paper: str
    finding: str
    limits: str


class Verdict(BaseModel):
    """What the reviewer thinks of a draft."""

    accepted: bool
    comment: str


planner = Agent(
    MODEL or stand_ins.planner,
    name="planner",
    output_type=Plan,
    instructions="Split the question into two or three, and choose the papers that bear on them.",
    capabilities=[Durability()],
)
reader = Agent(
    MODEL or stand_ins.reader,
    name="reader",
    output_type=Summary,
    instructions="Read the paper. Say what it found on the questions, and what limits that.",
)
writer = Agent(
    MODEL or stand_ins.writer,
    name="writer",
    instructions="Write a short review from the summaries, and cite each paper by its name in "
    "brackets. Mend what the comments say.",
)
reviewer = openai_sdk.Agent(
    name="reviewer",
    model=MODEL.removeprefix("openai:") if MODEL else stand_ins.reviewer,
    output_type=Verdict,
    instructions="Judge the draft. Accept it if it cites each paper and says what limits them.",
)


@reader.tool_plain
def open_paper(name: str) -> str:
    """The text of a paper."""
    return (PAPERS / f"{Path(name).name}.md").read_text(encoding="utf-8")


def titles() -> dict[str, str]:
    """The papers that there are: their titles by name."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted(PAPERS.glob("*.md"))}
    return {name: text.splitlines()[0].removeprefix("# ") for name, text in found.items()}
