"""The workflow: which task waits for what, and which agent does it.

Each worker is a process of its own: `graph-orch worker examples.literature_review.workflow:robin`.
"""

from __future__ import annotations

import json

from agents import RunConfig
from pydantic import BaseModel

from examples.literature_review import agents
from graph_orch import (
    AsyncContext,
    Budget,
    Context,
    NewTask,
    Orchestrator,
    Task,
    TaskFailure,
    Worker,
    Workflow,
)
from graph_orch.integrations import openai_agents, pydantic_ai

EDITOR = "maria"  # the person who decides
MOST_ROUNDS = 3
CALLS = Budget(tokens=4_000, cost="0.05")  # what the calls of one task may need
LEASE_SECONDS = 10  # so soon another process goes on where one was killed

robin = Worker(None, "robin", ["planning", "reading", "publishing"], 4, lease_seconds=LEASE_SECONDS)
# Both can write and review. Which of them reviews is whoever has not written.
ada, ben = (
    Worker(None, name, ["writing", "reviewing"], 1, lease_seconds=LEASE_SECONDS)
    for name in ("ada", "ben")
)


class Notes(BaseModel):
    """What a task has to know of others: its metadata."""

    draft: str = ""
    publish: str = ""
    reviewer: str = ""
    rounds: int = 0

    @classmethod
    def of(cls, task: Task) -> Notes:
        return cls.model_validate(task.metadata or {})


def start(orch: Orchestrator, question: str) -> Workflow:
    """Start the review of a question. The plan adds a task for each paper, before the draft."""
    gate = orch.gates.create("Does the reviewer accept the draft?", kind="event")
    draft = NewTask(
        name="draft",
        content=question,
        task_type="draft",
        requirements=["writing"],
        dependencies=["plan"],
        estimate=CALLS,
    )
    publish = NewTask(
        name="publish",
        content=question,
        task_type="publish",
        requirements=["publishing"],
        dependencies=["draft", "review"],
        gates=[gate.gate_id],
    )
    plan = NewTask(
        name="plan",
        content=question,
        task_type="plan",
        requirements=["planning"],
        estimate=CALLS,
        metadata={"draft": draft.task_id},
    )
    review = NewTask(
        name="review",
        content=question,
        task_type="review",
        requirements=["reviewing"],
        dependencies=["draft"],
        independent_of="dependencies",
        estimate=CALLS,
        metadata={"publish": publish.task_id},
    )
    return orch.workflows.start(
        "literature review",
        [plan, draft, review, publish],
        budget=Budget(tokens=100_000, cost="1.00"),
    )


@robin.task("plan")
async def plan(ctx: AsyncContext) -> agents.Plan:
    papers = "\n".join(f"- {name}: {title}" for name, title in agents.titles().items())
    with pydantic_ai.durable(ctx, price=agents.PRICE):
        asked = f"{ctx.task.content}\n\nThe papers:\n{papers}"
        made = (await agents.planner.run(asked)).output
    questions = "\n".join(f"- {question}" for question in made.questions)
    reads = [
        NewTask(
            name=f"read {paper}",
            content=f"Read the paper {paper!r}. The questions:\n{questions}",
            task_type="read",
            requirements=["reading"],
            dependencies=[ctx.task.task_id],
            estimate=CALLS,
        )
        for paper in made.papers
    ]
    await ctx.spawn(reads, before=[Notes.of(ctx.task).draft])
    return made


robin.task("read")(pydantic_ai.handler(agents.reader, price=agents.PRICE))


async def for_the_writer(ctx: AsyncContext) -> str:
    """What the writer is asked: the question, the summaries, and what reviewers said before."""
    read = [it for name, it in (await ctx.inputs()).items() if name.startswith("read ")]
    comments = ctx.task.comments
    return json.dumps({"question": ctx.task.content, "summaries": read, "comments": comments})


async def for_the_reviewer(ctx: AsyncContext) -> str:
    return f"The question: {ctx.task.content}\n\n{(await ctx.inputs())['draft']}"


draft = pydantic_ai.handler(agents.writer, prompt=for_the_writer, price=agents.PRICE)
judge = openai_agents.handler(
    agents.reviewer,
    prompt=for_the_reviewer,
    price=agents.PRICE,
    run_config=RunConfig(tracing_disabled=True),
)


async def review(ctx: AsyncContext) -> agents.Verdict:
    """Judge the draft. What follows from that is a task that exists once this one is completed."""
    verdict: agents.Verdict = await judge(ctx)
    notes = Notes(
        publish=Notes.of(ctx.task).publish,
        reviewer=ctx.task.assigned_to or "",
        rounds=len(ctx.task.comments),
    )
    then = NewTask(
        content=verdict.model_dump_json(),
        task_type="follow",
        requirements=["reviewing"],
        dependencies=[ctx.task.task_id],
        metadata=notes.model_dump(),
    )
    await ctx.spawn([then])
    return verdict


def follow(ctx: Context, verdict: agents.Verdict) -> str:
    """Do what the reviewer wants: open the gate, or have the draft written and judged again."""
    notes = Notes.of(ctx.task)
    with Orchestrator.connect() as orch:
        # A step, since a gate that was sent back is followed by another. Both commands below
        # change nothing when a second try gives them again for the same gate.
        gate_id = ctx.step("gate", gate_before, orch, notes.publish)
        if verdict.accepted or notes.rounds == MOST_ROUNDS:
            return orch.gates.decide(gate_id, "approve", by=notes.reviewer).gate_id
        return orch.gates.send_back(gate_id, by=notes.reviewer, comment=verdict.comment).gate_id


def gate_before(orch: Orchestrator, task_id: str) -> str:
    """The open gate at which a task waits."""
    (gate,) = orch.gates.of_tasks([task_id])[task_id]
    return gate.gate_id


for worker in (ada, ben):
    worker.task("draft")(draft)
    worker.task("review")(review)
    worker.task("follow", input=agents.Verdict)(follow)


@robin.task("publish")
async def publish(ctx: AsyncContext) -> str:
    given = await ctx.inputs()
    said = agents.Verdict.model_validate(given["review"]).comment
    question = f"Publish this? The reviewer says: {said}\n\n{given['draft']}"
    decision = await ctx.approval(question, approvers=[EDITOR])
    if not decision.is_approved:
        raise TaskFailure(f"{decision.by} did not approve: {decision.comment}", "permanent")
    return str(given["draft"])
