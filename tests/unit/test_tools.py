"""The table of tools: what clients are told of it, and what they may send."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from graph_orch.cli.mcp_clients import Client, configuration
from graph_orch.domain.models import Right, TaskChanges
from graph_orch.domain.recommendations import (
    MOST_COMPARED,
    MOST_LETTERS,
    MOST_NAMES,
    nearest,
    nearest_each,
)
from graph_orch.errors import ValidationError
from graph_orch.serve.mcp import definition
from graph_orch.tools.schemas import as_called
from graph_orch.tools.table import EVERY_TOOL, TOOLS, Profile, Toolset, chosen, find
from graph_orch.tools.texts import GRAPH, GUIDE

MOST_TOKENS = 6_000
MOST_BESIDE = 2_500
SHORT_NAMES = """
create_task poll_tasks assign_task start_task complete_task fail_task get_task_status query_tasks
register_agent update_agent_performance get_agent_health find_capable_agents deregister_agent
route_task get_routing_stats get_queue_metrics get_health get_recommendations
"""
NAMES = {f"orchestration_{name}" for name in SHORT_NAMES.split()}


def wire(tool):
    return definition(tool).model_dump(mode="json", by_alias=True, exclude_none=True)


def test_the_18_tools_and_no_other():
    assert set(TOOLS) == NAMES
    assert len(NAMES) == 18


@pytest.mark.parametrize("tool", EVERY_TOOL.values(), ids=lambda tool: tool.name)
def test_schemas_are_valid_described_and_limited(tool):
    for schema in (tool.input_schema, tool.output_schema):
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
    assert tool.description
    assert tool.input_schema["additionalProperties"] is False
    for name, it in tool.input_schema["properties"].items() if tool.arguments.model_fields else ():
        assert it["description"], name
        match it.get("type"):
            case "string":
                assert {"maxLength", "enum", "format"} & set(it), name
            case "array":
                assert "maxItems" in it, name
            case "integer" | "number":
                assert {"minimum", "exclusiveMinimum"} & set(it), name
                assert "maximum" in it, name


@pytest.mark.filterwarnings("ignore:open_binary is deprecated")
def test_definitions_are_small():
    import bpe_openai

    encoding = bpe_openai.get_encoding("o200k_base")

    def tokens(tools):
        said = [json.dumps(wire(tool), separators=(",", ":")) for tool in tools]
        return sum(len(encoding.encode(text)) for text in said)

    assert tokens(TOOLS.values()) < MOST_TOKENS
    for toolset in Toolset:
        own = [tool for tool in EVERY_TOOL.values() if tool.profile is toolset]
        assert 0 < tokens(own) < MOST_BESIDE, toolset


def test_all_four_annotations_are_set():
    for tool in EVERY_TOOL.values():
        hints = wire(tool)["annotations"]
        assert set(hints) == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
        assert not (hints["readOnlyHint"] and hints["destructiveHint"])


def test_profiles_grow_and_reading_changes_nothing():
    worker, core, everything = (list(chosen(profile)) for profile in Profile)
    assert set(worker) < set(core) < set(everything) == NAMES
    reading = chosen(read_only=True)
    assert all(tool.read_only for tool in reading.values())
    assert "claim" not in reading["orchestration_poll_tasks"].input_schema["properties"]
    assert "dispatch" not in reading["orchestration_route_task"].input_schema["properties"]
    assert "orchestration_create_task" not in reading


def test_a_toolset_comes_beside_a_profile_and_nowhere_else():
    beside = frozenset({Toolset.WORKFLOWS})
    worker = chosen(Profile.WORKER, toolsets=beside)
    own = worker.keys() - chosen(Profile.WORKER).keys()
    assert own == {name for name, it in EVERY_TOOL.items() if it.profile is Toolset.WORKFLOWS}
    reading = chosen(Profile.WORKER, read_only=True, toolsets=beside)
    assert {it.short_name for name, it in reading.items() if name in own} == {
        *("get_workflow_status", "list_workflows", "get_workflow_results")
    }


@pytest.mark.parametrize("toolset", [Toolset.OPERATIONS, Toolset.ADMINISTRATION])
def test_what_others_work_depends_on_is_for_administrators(toolset):
    own = [it for it in EVERY_TOOL.values() if it.profile is toolset]
    assert {it.right for it in own} == {Right.ADMINISTER}
    given = chosen(toolsets=frozenset({toolset}), rights=frozenset(Right) - {Right.ADMINISTER})
    assert not given.keys() & {it.name for it in own}
    assert not chosen(read_only=True, toolsets=frozenset({toolset})).keys() & {
        it.name for it in own
    }


def test_a_task_is_changed_by_the_fields_that_can_change():
    tool = EVERY_TOOL["orchestration_update_task"]
    known = tool.input_schema["properties"]
    assert known.keys() == {"task_id", "clear", "command_id", *TaskChanges.__annotations__}
    assert not any("default" in it for it in known.values())
    called = as_called(tool.function, tool.parse({"task_id": "x", "priority": "high"}))
    assert called["changes"] == {"priority": "high"}


def test_unknown_tool_is_told_the_nearest():
    with pytest.raises(ValidationError, match="did you mean orchestration_poll_tasks"):
        find(TOOLS, "orchestration_pol_task")


def test_nearest_names():
    assert nearest("Pyhton", ["python", "sql"]) == ["python"]
    assert nearest("cooking", ["python", "sql"]) == []


def test_nearest_names_take_a_bounded_time(monkeypatch):
    compared = []

    def close(word, possibilities, n):
        compared.append([word, *possibilities])
        return [possibilities[0]]

    monkeypatch.setattr("graph_orch.domain.recommendations.get_close_matches", close)
    known = [f"{number} {'y' * 195}" for number in range(1_000)]
    found = nearest_each([f"{number} {'z' * 190}" for number in range(100)], known)
    assert len(found) == 100
    assert len(compared) == MOST_NAMES
    assert {len(row) for row in compared} == {MOST_COMPARED + 1}
    assert max(len(name) for row in compared for name in row) == MOST_LETTERS
    known = [f"{number:05}" for number in range(10_000)] + ["python"]
    assert nearest("pyhton", known) == nearest("pytho", known) == ["python"]


def test_names_that_no_tool_has_are_not_compared_at_any_length():
    name = "orchestration_poll_tasks" * 100_000
    for call in (
        lambda: find(TOOLS, name),
        lambda: TOOLS["orchestration_get_health"].parse({name: 1}),
    ):
        with pytest.raises(ValidationError) as told:
            call()
        assert len(str(told.value)) < 2_000


def test_texts_name_what_is_there():
    assert "orchestration_poll_tasks" in GUIDE
    for word in GUIDE.split():
        name = word.partition("(")[0].rstrip(".,")
        assert not name.startswith("orchestration_") or name in TOOLS, name
    assert "(Task)-[DEPENDS_ON]->(Task)" in GRAPH


@pytest.mark.parametrize("client", list(Client))
def test_configurations_name_the_command(client):
    text = configuration(client, ["/bin/graph-orch", "mcp"], {"NEO4J_URI": "bolt://x"})
    assert "/bin/graph-orch" in text
    assert "bolt://x" in text
    if "{" in text and client is not Client.CODEX:
        assert json.loads(text.partition("\n")[2])


def test_nothing_heavy_is_imported_before_it_is_used():
    heavy = "{'mcp', 'a2a', 'starlette', 'ray'}"
    code = f"import sys, graph_orch, graph_orch.cli; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
