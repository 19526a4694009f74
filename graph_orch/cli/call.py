"""`graph-orch call`: call a tool from the shell."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

import typer

from graph_orch.cli.input import parse_json, standard_input
from graph_orch.cli.output import Json, show_json
from graph_orch.cli.store import connect_async
from graph_orch.errors import OrchestrationError, ValidationError


def call(
    tool: Annotated[str, typer.Argument(help="Its name, such as orchestration_query_tasks.")],
    arguments: Annotated[str, typer.Argument(help="A JSON object; - reads it from stdin.")] = "{}",
    as_json: Json = False,
) -> None:
    """Call one of the tools that agents have, and print its answer (always JSON)."""
    del as_json
    text = standard_input() if arguments == "-" else arguments
    found = parse_json("the arguments", text)
    if not isinstance(found, dict):
        raise ValidationError("the arguments are not a JSON object, such as '{\"limit\": 5}'")
    show_json(asyncio.run(_call(tool, cast(dict[str, Any], found))))


async def _call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    from graph_orch.tools.advice import explain
    from graph_orch.tools.call import Call, Caller
    from graph_orch.tools.table import EVERY_TOOL, find

    tool = find(EVERY_TOOL, name)
    async with connect_async() as orch:
        try:
            return await tool.run(Call(orch, caller=Caller(has_store=True)), arguments)
        except OrchestrationError as error:
            error.args = (await explain(orch.monitor, error),)
            raise
