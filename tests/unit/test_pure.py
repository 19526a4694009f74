"""The parts that touch nothing: checks, keys, the lifecycle's table, names."""

from __future__ import annotations

import errno
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_orch import NewTask, TaskFilters, TaskPriority, TaskStatus, ValidationError, errors
from graph_orch._sync.querying import leading_statement, lucene_words
from graph_orch.cli.progress import downloading
from graph_orch.domain.characters import visible
from graph_orch.domain.forms import dump_json, load_json, skill_key
from graph_orch.domain.lanes import lane_key
from graph_orch.domain.lifecycle import HELD, LIVE, TRANSITIONS, Command
from graph_orch.domain.models import Candidate
from graph_orch.embedded.jars import storage_error
from graph_orch.errors import DownloadError, OrchestrationError
from graph_orch.store.statements import directory


def test_every_error_is_in_the_tree_of_the_docstring():
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, OrchestrationError)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        assert kind.__name__ in errors.__doc__


@pytest.mark.parametrize(
    "error",
    [
        errors.TaskNotFoundError("x"),
        errors.AttemptEndedError("start", "x", 2, "pending"),
        errors.MissingCapabilityError("ada", "x", ["python"]),
        errors.ClosedError(),
    ],
)
def test_an_error_is_the_same_in_another_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_lifecycle_table():
    assert LIVE | {"completed", "failed", "cancelled"} == set(TaskStatus)
    assert HELD < LIVE
    reached = {end for ways in TRANSITIONS.values() for ends in ways.values() for end in ends}
    assert reached == set(TaskStatus)
    assert all(TaskStatus.COMPLETED not in TRANSITIONS[command] for command in Command)
    assert [priority.rank for priority in TaskPriority] == [0, 1, 2]


@given(st.text())
def test_skill_key_ignores_case_and_space(name):
    assert skill_key(f" {name} ") == skill_key(name.strip())
    assert skill_key(name.lower()) == skill_key(skill_key(name.lower()))


@given(st.lists(st.text(min_size=1)))
def test_lane_key_is_of_the_set(keys):
    assert lane_key(keys) == lane_key([*reversed(keys), *keys])
    assert lane_key([*keys, "\0new"]) != lane_key([key for key in keys if key != "\0new"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_comes_back(value):
    assert load_json(dump_json(value)) == value


def test_new_task_is_checked_and_normalised():
    task = NewTask(
        content=" kept as it is ",
        task_type=" any ",
        requirements=["A", "b", "a "],
        available_at=datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
    )
    assert (task.content, task.task_type) == (" kept as it is ", "any")
    assert task.requirements == ("A", "b")
    assert task.available_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_fingerprint_is_of_what_was_asked():
    one = NewTask(content="x", task_type="y", requirements=["A", "b"])
    same = NewTask(content="x", task_type="y", requirements=["B", "a"], idempotency_key="k")
    other = NewTask(content="x", task_type="z", requirements=["A", "b"])
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()


def test_score():
    half = Candidate(agent_id="a", success_rate=0.8, active_tasks=1, max_concurrent_tasks=2)
    assert half.score == pytest.approx(0.4)
    over = Candidate(agent_id="a", success_rate=0.8, active_tasks=3, max_concurrent_tasks=2)
    assert over.score == 0


def test_words_are_never_operators():
    assert lucene_words(r'owls AND "cats\" -x* owls') == r'+"owls" +"AND" +"\"cats\\\"" +"-x*"'
    with pytest.raises(ValidationError, match="no word"):
        lucene_words("--- !!")


def test_leading_statement():
    assert leading_statement(TaskFilters.of({})) == "tasks/query_all"
    assert leading_statement(TaskFilters.of({"status": "failed"})) == "tasks/query_by_status"
    filters = TaskFilters.of({"text": "x", "status": "failed", "agent_id": "a"})
    assert leading_statement(filters) == "tasks/query_by_text"


def test_generated_code_is_current():
    root = directory().parent
    script = root / "scripts" / "generate_sync.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_said(reason):
    found = storage_error(OSError(reason, "no"), Path("/cache"))
    assert isinstance(found, errors.DiskFullError)
    assert "no room in /cache" in str(found)
    assert isinstance(storage_error(OSError(errno.EACCES, "no"), Path("/cache")), DownloadError)


def test_what_is_stored_does_not_drive_the_terminal():
    assert visible("a\x1b[2Jb\r\n\tc\x9b") == "a\\x1b[2Jb\\r\\n\\tc\\x9b"


def test_download_is_shown_in_a_few_lines_where_there_is_no_terminal(capsys):
    with downloading() as change:
        for done in range(101):
            change(done * 1_000_000, 100_000_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"fetching Neo4j: {part} % of 100 MB" for part in range(0, 101, 20)]
