"""Workflows in files: what they may hold, what is refused, and where the message points."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from graph_orch.cli.workflow_file import DEEPEST, read_workflow_file
from graph_orch.domain.models import NewTask
from graph_orch.domain.models.workflows import NewWorkflow
from graph_orch.errors import ValidationError

ROOT = Path(__file__).resolve().parents[2]
PAPER = """
name: paper
tasks:
  - name: search
    content: find papers
    task_type: search
  - name: write
    content: write it up
    task_type: text
    dependencies: [search]
"""


@pytest.fixture
def written(tmp_path):
    """The path of a file that holds a text."""

    def write(text: str, name: str = "flow.yaml") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def refused(path: str) -> str:
    with pytest.raises(ValidationError) as told:
        read_workflow_file(path)
    assert len(str(told.value)) < 2_000
    return str(told.value).removeprefix(path)


def test_yaml_and_json_say_the_same(written):
    found = read_workflow_file(written(PAPER))
    assert found == read_workflow_file(written(json.dumps(found), "flow.json"))
    assert [task["name"] for task in found["tasks"]] == ["search", "write"]


def test_anchors_spare_words(written):
    text = PAPER.replace("task_type: search", "task_type: search\n    <<: &all {max_retries: 7}")
    text = text.replace("dependencies: [search]", "dependencies: [search]\n    <<: *all")
    assert [it["max_retries"] for it in read_workflow_file(written(text))["tasks"]] == [7, 7]


def test_python_holds_a_list_or_a_whole_workflow(written, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    written("TASKS = [{'content': str(n), 'task_type': 'x'} for n in range(3)]", "flow_of_three.py")
    found = read_workflow_file("flow_of_three:TASKS")
    assert (found["name"], len(found["tasks"])) == ("flow_of_three:TASKS", 3)
    with pytest.raises(ValidationError, match="cannot find"):
        read_workflow_file("flow_of_three:NOTHING")


def test_a_recorded_workflow_is_one(written):
    tasks = [
        {"name": "a_1", "runtimeInSeconds": 5, "command": {"program": "a"}, "parents": []},
        {"name": "b_1", "runtimeInSeconds": 7, "command": {"program": "b"}, "parents": ["a_1"]},
    ]
    document = json.dumps({"name": "trace", "workflow": {"tasks": tasks}})
    found = read_workflow_file(written(document, "trace.json"))
    assert found["name"] == "trace"
    assert [NewTask(**it, workflow_id="w").requirements for it in found["tasks"]] == [
        ("a",),
        ("b",),
    ]
    assert found["tasks"][1]["dependencies"] == ["a_1"]
    assert found["tasks"][1]["metadata"] == {"estimated_seconds": 7.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PAPER.replace("text", "text\n    priority: no"), ", line 10: task 2 ('write'): start: "),
        (PAPER.replace("text", "text\n    color: 1"), ", line 10: task 2 ('write'): start: color"),
        (PAPER + "color: red\n", ", line 11: name and tasks are needed, and workflow_id"),
        (PAPER + "name: again\n", ", line 11: 'name' stands here twice"),
        ("name: x\ntasks: {}\n", ", line 2: tasks is no list"),
        ("name: x\ntasks: [\n", ", line 3: is not YAML"),
        ("name: x\ntasks: [!!python/object/apply:os.system [ls]]\n", ", line 2: is not YAML"),
        ("a: &a [*a]\n", ", line 1: an alias stands for what holds it"),
        ("[" * 500, f", line 1: is nested more than {DEEPEST} deep"),
        ("", ": holds no object"),
        ("- 1\n", ": holds no object"),
        ("name: x\ntasks: [\x07]\n", ": is not YAML"),
    ],
)
def test_errors_say_where(written, text, said):
    assert refused(written(text)).startswith(said)


def test_all_wrong_fields_are_named_with_their_places(written):
    text = (
        PAPER.replace("text", "text\n    priority: no\n    color: 1")
        + "budget: {tokens: -1}\nred: 1\n"
    )
    said = refused(written(text)).split("; ")
    assert [it.partition("start: ")[2].partition(":")[0] for it in said] == [
        *("", "", "priority", "color", ""),
    ]
    assert ", line 14: name and tasks are needed" in said[0]
    assert "red may not" in said[1]
    assert ["task 2 ('write'): start: " in it for it in said[2:]] == [True, True, False]
    assert said[4].startswith("line 13: budget.tokens: ")
    many = "name: x\ntasks:\n" + "- {content: x, task_type: x, color: 1}\n" * 50
    assert refused(written(many)).endswith("; and 40 more")


def test_bombs_are_refused_before_anything_is_made_of_them(written):
    lists = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    merges = ["a0: &a0 {x: 1}"]
    for n in range(1, 30):
        before = ", ".join([f"*a{n - 1}"] * 10)
        lists.append(f"a{n}: &a{n} [{before}]")
        merges.append(f"a{n}: &a{n} {{<<: [{before}]}}")
    for bomb in (lists, merges):
        assert "holds more than 1,000,000 values" in refused(written("\n".join(bomb)))


def test_the_schema_is_published_and_takes_what_is_taken():
    published = ROOT / "docs" / "reference" / "workflow.schema.json"
    assert json.loads(published.read_text()) == NewWorkflow.json_schema()
    Draft202012Validator.check_schema(NewWorkflow.json_schema())
    takes = Draft202012Validator(NewWorkflow.json_schema())
    paper = {"name": "paper", "tasks": [{"name": "a", "content": "x", "task_type": "x"}]}
    assert takes.is_valid(paper)
    assert not takes.is_valid(paper | {"color": "red"})
    assert not takes.is_valid(paper | {"tasks": [{"name": "a"}]})
