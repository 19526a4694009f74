"""Handlers one by one, without a server; then a run of the whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import JsonValue

from examples.literature_review.agents import Summary, Verdict
from examples.literature_review.run import QUESTION, main
from examples.literature_review.workflow import EDITOR, ada, robin
from graph_orch import NewTask, Orchestrator
from graph_orch.testing import run_handler

SUMMARIES = {
    f"read {paper}": {"paper": paper, "finding": f"Found by {paper}.", "limits": "One city."}
    for paper in ("avenues", "rooftops")
}


def test_plan_has_each_paper_read_that_bears_on_the_question():
    draft = NewTask(content=QUESTION, task_type="draft")
    task = NewTask(content=QUESTION, task_type="plan", metadata={"draft": draft.task_id})
    outcome = run_handler(robin, task)
    names = [task.name for task in outcome.spawned]
    assert names == ["read avenues", "read lime-flowers", "read rooftops", "read street-lamps"]
    assert outcome.metrics["model_calls"] == 1


def test_what_a_reader_paid_for_is_kept():
    task = NewTask(content="Read the paper 'rooftops'. The questions:\n- any", task_type="read")
    outcome = run_handler(robin, task)
    assert Summary.model_validate(outcome.result).paper == "rooftops"
    model, tool, again = outcome.steps
    assert (model, again) == ("model", "model#2")
    assert tool.startswith("tool open_paper")


def test_a_draft_is_mended_by_what_was_said_of_the_one_before():
    def draft(metadata: JsonValue = None) -> str:
        task = NewTask(content=QUESTION, task_type="draft", metadata=metadata)
        return str(run_handler(ada, task, results=SUMMARIES).result)

    assert "Limits" not in draft()
    assert "Limits: One city. [avenues]" in draft(
        {"sent_back": [{"comment": "Say what limits it."}]}
    )


@pytest.mark.parametrize(("text", "accepted"), [("Bees.", False), ("Bees. Limits: some.", True)])
def test_a_review_is_followed_by_what_the_reviewer_wants(text: str, accepted: bool):
    task = NewTask(content=QUESTION, task_type="review", metadata={"publish": "x"})
    outcome = run_handler(ada, task, results={"draft": text})
    assert Verdict.model_validate(outcome.result).accepted is accepted
    assert [task.task_type for task in outcome.spawned] == ["follow"]


def test_nothing_is_published_without_the_editor():
    task = NewTask(content=QUESTION, task_type="publish")
    verdict = Verdict(accepted=True, comment="It cites each paper.")
    outcome = run_handler(robin, task, results={"draft": "Bees.", "review": verdict})
    (gate,) = outcome.gates
    assert verdict.comment in gate.question
    assert gate.approvers == [EDITOR]
    assert run_handler(robin, outcome, decisions={gate.question: "approve"}).result == "Bees."
    refused = run_handler(robin, outcome, decisions={gate.question: "reject"})
    assert (refused.status, refused.is_final) == ("failed", True)


def test_whole(orch: Orchestrator, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    main(tmp_path / "picture.png")
    said = capsys.readouterr().out
    assert "13 calls of models were paid, 0 of them twice" in said
    (workflow,) = orch.workflows.list()
    assert workflow.state == "completed"
    tasks = orch.tasks.query_tasks({"workflow_id": workflow.workflow_id})
    tries = {task.task_id: orch.tasks.get_tries(task.task_id) for task in tasks}

    def who(task_type: str) -> list[str]:
        """Of each task of a type, in the order of their creation, the agent that completed it."""
        return [tries[it.task_id][-1].agent_id for it in tasks if it.task_type == task_type]

    for task in tasks:
        if task.task_type == "read":
            killed, completed = tries[task.task_id]
            assert (killed.outcome, completed.outcome) == ("expired", "completed")
            assert killed.tokens  # the budget pays for what was kept
    assert len(who("draft")) == 2
    assert all(writer != judge for writer, judge in zip(who("draft"), who("review"), strict=True))
    published = str(orch.workflows.results(workflow.workflow_id)["publish"])
    assert set(re.findall(r"\[(.+?)\]", published)) == {
        "avenues",
        "lime-flowers",
        "rooftops",
        "street-lamps",
    }
    spent = orch.budgets.get(f"workflow:{workflow.workflow_id}").spent
    assert spent.tokens
    assert spent.cost
    assert (tmp_path / "picture.png").stat().st_size
    assert orch.doctor().is_sound
