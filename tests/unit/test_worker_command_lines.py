"""Commands that ask their worker for steps, tasks and gates, in Python and in a shell."""

from __future__ import annotations

import sys

import pytest

from graph_orch import NewTask, Worker
from graph_orch.executors import command_handler
from graph_orch.testing import run_handler

TASK = NewTask(content="bees", task_type="ask")
ASK = """
import json, os, sys
to = open(os.environ["GRAPH_ORCH_ASK"], "w", buffering=1)
back = open(os.environ["GRAPH_ORCH_ANSWER"])
def ask(**line):
    print(json.dumps(line), file=to)
    return json.loads(back.readline())
def step(name, function):
    said = ask(step=name)
    return ask(result=function())["result"] if said.get("run") else said["result"]
"""


def working(*command: str) -> Worker:
    worker = Worker(None, "ada", [])
    worker.task("ask")(command_handler(command))
    return worker


def python(script: str, *arguments: str) -> Worker:
    return working(sys.executable, "-c", ASK + script, *arguments)


def test_step_of_a_command_that_dies_runs_once_and_what_it_used_is_recorded(tmp_path):
    log = tmp_path / "paid"
    worker = python(
        """
def pay():
    with open(sys.argv[1], "a") as file:
        file.write("paid ")
    ask(record={"tokens": 5, "cost": "0.01", "calls": 1})
    return {"answer": 42}
first = step("model", pay)
if not os.path.exists(sys.argv[1] + ".died"):
    open(sys.argv[1] + ".died", "w").close()
    os.kill(os.getpid(), 9)
print(json.dumps([first, step("model", lambda: "again")]))
""",
        str(log),
    )
    first = run_handler(worker, TASK)
    assert (first.status, first.error_message) == ("failed", "ended by signal 9")
    second = run_handler(worker, first)
    assert second.result == [{"answer": 42}, "again"]
    assert log.read_text() == "paid "
    assert [*second.steps] == ["model", "model#2"]
    assert (first.metrics, second.metrics) == ({"tokens": 5, "cost": 0.01, "calls": 1}, {})


def test_shell_asks_with_echo_and_read(tmp_path):
    script = r"""
exec 3>"$GRAPH_ORCH_ASK" 4<"$GRAPH_ORCH_ANSWER"
echo '{"step": "draft"}' >&3
read -r said <&4
if [ "$said" = '{"run": true}' ]; then
    echo run >>"$0"
    echo '{"result": "text"}' >&3
    read -r said <&4
fi
echo '{"approval": "Publish it?"}' >&3
read -r decision <&4
echo "$said"
"""
    log = tmp_path / "log"
    worker = working("sh", "-c", script, str(log))
    asked = run_handler(worker, TASK)
    assert asked.status == "suspended"
    assert [gate.question for gate in asked.gates] == ["Publish it?"]
    done = run_handler(worker, asked, decisions={"Publish it?": "approve"})
    assert done.result == {"result": "text"}
    assert log.read_text() == "run\n"


def test_last_line_counts_though_nobody_waits_for_its_answer():
    script = """exec 3>"$GRAPH_ORCH_ASK"; echo '{"record": {"tokens": 7}}' >&3"""
    outcome = run_handler(working("sh", "-c", script), TASK)
    assert (outcome.status, outcome.metrics) == ("completed", {"tokens": 7})


def test_command_creates_tasks_and_waits_for_them_and_for_persons_and_for_time():
    worker = python("""
ask(progress=0.5, message="half")
children = ask(spawn=[{"content": "x", "task_type": "check", "name": "check"}])["result"]
found = ask(gather=children)["result"]
ask(sleep=60)
said = ask(input="Which title?", schema={"type": "string"})["result"]
print(json.dumps([found[children[0]], said]))
""")
    outcome = run_handler(worker, TASK)
    assert ([it.name for it in outcome.spawned], outcome.progress) == (["check"], 0.5)
    outcome = run_handler(worker, outcome, results={"check": "fine"})
    assert (outcome.status, outcome.seconds) == ("suspended", 60)
    outcome = run_handler(worker, outcome)
    outcome = run_handler(worker, outcome, decisions={"Which title?": "Bees"})
    assert outcome.result == ["fine", "Bees"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "JSONDecodeError"),
        ("[1]", "a line asks for one of step"),
        ('{"step": ""}', "name"),
        ('{"step": 7}', "name"),
        ('{"record": {"tokens": -1}}', "tokens"),
        ('{"spawn": [{"content": 1}]}', "content"),
        ('{"sleep": "long"}', "seconds"),
    ],
)
def test_what_is_refused_is_answered_and_the_next_line_counts(line, said):
    worker = python(f"""
print({line!r}, file=to)
error = json.loads(back.readline())["error"]
print(json.dumps([error, step("after", lambda: 1)]))
""")
    error, after = run_handler(worker, TASK).result
    assert said in error
    assert after == 1


def test_step_without_a_result_is_not_kept_and_a_command_may_end_in_it():
    worker = python("""
ask(step="a")
said = ask(no="result")["error"]
ask(step="b")
print(json.dumps(said))
""")
    outcome = run_handler(worker, TASK)
    assert outcome.status == "completed"
    assert "nothing was kept" in outcome.result
    assert outcome.steps == {}


def test_line_and_result_that_are_too_long_are_refused():
    worker = python("""
ask(step="big")
print(json.dumps(ask(result="x" * 1_100_000)["error"][:200]))
""")
    assert "1,000,000" in run_handler(worker, TASK).result
