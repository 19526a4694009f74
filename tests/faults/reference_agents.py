"""The agents of two teams in the reference test: writers, and those who check and send."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import JsonValue

from graph_orch import AsyncContext, Worker

CALLS = Path(os.environ["REFERENCE_CALLS"])
writers = Worker(None, "ada", ["writing"], 4, lease_seconds=3)
senders = Worker(None, "bob", ["checking"], 4, lease_seconds=3)


@writers.task("intake")
async def intake(ctx: AsyncContext) -> JsonValue:
    return {"title": ctx.task.content}


@writers.task("draft")
async def draft(ctx: AsyncContext) -> JsonValue:
    return f"about {ctx.task.content}"


@senders.task("check")
async def check(ctx: AsyncContext) -> JsonValue:
    decision = await ctx.approval(f"publish {ctx.task.content}?", approvers=["grace"])
    return {"by": decision.by, "decision": decision.decision}


@senders.task("send")
async def send(ctx: AsyncContext) -> JsonValue:
    def call() -> str:
        with CALLS.open("a") as calls:  # the effect: one line for each order
            calls.write(f"{ctx.task.content}\n")
        return ctx.task.content

    sent = await ctx.step("send", call)
    return {"sent": sent, **await ctx.inputs()}
