"""Whatever the graph holds, no command lets it drive the terminal, or forge a line."""

from __future__ import annotations

import json
import signal
import sys

import pytest

from graph_orch import Claim
from tests.unit.test_cli_hostile import COMMANDS

BREAK = "\nFORGED graph-orch: all is well"
HOSTILE = f"<\x1b[2J\x1b]0;title\x07\x9b2J\x00\r{BREAK}\u2028FORGED\u2029FORGED\x85FORGED\u202eabc"
HOSTILE += "\u2066d\u2069\u200be\u200df\ufeffg\u00adh\u3164i\U000e0041j\ud7ff>"
STORABLE = HOSTILE.replace("\x00", "")
NAMES = (
    *("agent_id", "assigned_to", "content", "error", "error_message", "hostname", "name"),
    *("progress_message", "task_type", "traceback", "worker_id", "idempotency_key"),
    *("approvers", "question", "reason", "workflow_id"),
)
"""The properties that hold text which somebody else chose, of nodes and of edges."""
SHOW_NOTHING_STORED = {
    "demo", "run", "simulate", "server start", "server stop", "server status", "server logs",
    "mcp install", "worker", "graph agents", "graph tasks", "graph gantt", "graph load",
    "agent import", "migrate", "statement",
}  # fmt: skip


@pytest.fixture
def run(cli):
    """Run a command, however it ends: what it says."""

    def run(*args: str) -> str:
        done = cli(*args, code=None)
        return done.stdout + done.stderr

    return run


@pytest.fixture
def hostile(orch, cypher) -> dict[str, str]:
    """A graph in which every text that somebody chooses is hostile; the ids of what is in it."""
    orch.agents.register_agent("agent", ["skill"], {"note": STORABLE})
    failed = orch.tasks.create_task("x", "t", requirements=["skill"], idempotency_key="key")
    orch.tasks.assign_task(failed, "agent")
    orch.tasks.start_task(failed)
    orch.tasks.fail_task(
        failed, STORABLE, error_class="permanent", traceback=f"Traceback{STORABLE}"
    )
    waiting = orch.tasks.create_task("y", "t", requirements=["nobody"], metadata={"a": STORABLE})
    last = orch.tasks.create_task("z", "t", dependencies=[failed, waiting])
    orch.tasks.create_task("h", "t")
    (claim,) = orch.tasks.claim_tasks("agent", 1, start=True)
    assert isinstance(claim, Claim)
    done = orch.tasks.create_task("w", "t")
    orch.tasks.assign_task(done, "agent")
    orch.tasks.start_task(done)
    orch.tasks.complete_task(done, {"found": STORABLE, STORABLE: 1})
    cancelled = orch.tasks.create_task("v", "t")
    orch.tasks.cancel_task(cancelled, STORABLE)
    gate = orch.gates.create("q", approvers=["grace"])
    orch.workflows.start("flow", [{"content": "x", "task_type": "t", "name": "n"}], workflow_id="f")
    orch.schedules.put("schedule", "* * * * *", {"content": "x", "task_type": "t"})
    letter = orch.dead_letters.keep("in", f"s{STORABLE}", f"i{STORABLE}", "r", body=b"{}")
    cypher(
        "MERGE (w:Worker {worker_id: 'w'}) SET w += {agent_id: 'agent', hostname: 'h', pid: 1, "
        "concurrency: 1, beat_seconds: 5.0, started_at: datetime(), last_seen_at: datetime()}"
    )
    for name in NAMES:
        for found in ("(n:!GraphOrchSchema&!EventLog)", "()-[n]->()"):
            given = f"MATCH {found} WHERE n.`{name}` IS NOT NULL SET n.`{name}` = n.`{name}` + $h"
            cypher(given, h=STORABLE)
    gate_id = cypher("MATCH (g:Gate) RETURN g.gate_id AS gate_id")[0]["gate_id"]
    assert gate_id == gate.gate_id
    return {
        "letter": letter.letter_id,
        "gate": gate_id,
        "failed": failed,
        "waiting": waiting,
        "last": last,
        "done": done,
    }


def test_no_command_shows_what_drives_a_terminal_or_forges_a_line(run, hostile, tmp_path):
    agent, schedule = f"agent{STORABLE}", f"schedule{STORABLE}"
    failed, waiting, last, done = (hostile[it] for it in ("failed", "waiting", "last", "done"))
    alias = STORABLE.replace("`", "")
    tries = [
        *(["task", "list"], ["task", "show", failed], ["task", "show", done]),
        *(["task", "why", last], ["task", "why", waiting], ["task", "why", failed]),
        *(
            ["task", "steps", failed],
            ["task", "history", failed],
            ["task", "history", done],
            ["task", "show", STORABLE],
        ),
        *(["agent", "list"], ["agent", "show", agent], ["agent", "export", agent]),
        *(["agent", "learn", agent, STORABLE], ["agent", "show", STORABLE]),
        *(["agent", "learn", agent, "sql"], ["agent", "register", agent]),
        *(["team", "put", it, agent, "--leader", agent] for it in (STORABLE, "t")),
        *(["team", "put", "t", STORABLE], ["team", "put", "t", agent, "--name", STORABLE]),
        *(["team", "list"], ["team", "remove", STORABLE], ["team", "remove", "t"]),
        *(["workflow", it, f"f{STORABLE}"] for it in ("show", "results", "cancel", "retry")),
        *(["workflow", "list"], ["workflow", "start", STORABLE], ["workflow", "show", STORABLE]),
        *(["workflow", "watch", STORABLE], ["workflow", "schema"], ["events"]),
        *(
            ["budget", "set", STORABLE, "--tokens", "1"],
            ["budget", "get", STORABLE],
            ["budget", "list"],
        ),
        *(["pause", it, "--reason", STORABLE, "--by", STORABLE] for it in (STORABLE, "queue")),
        *(["webhook", "put", name, "http://127.0.0.1:9"] for name in (STORABLE, "w")),
        *(["webhook", "put", "w", it] for it in (STORABLE, "http://127.0.0.1:9", "http://x")),
        *(["webhook", "put", "w", "http://x", "--secret", STORABLE], ["webhook", "list"]),
        *(
            ["webhook", it, name]
            for it in ("show", "test", "attempts", "redeliver", "enable", "rotate", "remove")
            for name in (STORABLE, "w")
        ),
        *(["webhook", it, "w", "--event", STORABLE] for it in ("attempts", "redeliver")),
        *(["subscription", "put", STORABLE, "*"], ["subscription", "put", "s", "*"]),
        *(["subscription", it, STORABLE] for it in ("read", "put", "remove")),
        *(["subscription", "read", "s"], ["subscription", "list"]),
        *(["subscription", "replay", it, "--from", "0"] for it in (STORABLE, "s")),
        ["events", "follow", STORABLE],
        *(["subscription", "follow", STORABLE], ["subscription", "read", "s", "--ack"]),
        *(["trigger", "put", it, "created", "--call", STORABLE] for it in (STORABLE, "t")),
        [
            "trigger",
            "put",
            "t",
            "created",
            "--create",
            json.dumps({"content": STORABLE, "task_type": "t"}),
        ],
        [
            "trigger",
            "put",
            "u",
            "created",
            "--create",
            json.dumps({"content": "{task.metadata.x}", "task_type": "t"}),
            "--after",
            "0",
        ],
        ["trigger", "put", "v", "created", "--post", json.dumps({"webhook": STORABLE})],
        *(["trigger", it, STORABLE] for it in ("show", "retry", "remove", "test")),
        *(
            ["trigger", "run"],
            ["trigger", "list"],
            ["trigger", "show", "u"],
            ["trigger", "test", "u"],
        ),
        ["apply", "-f", STORABLE],
        *(["dead-letters", it, hostile["letter"]] for it in ("show", "retry", "remove")),
        *(["dead-letters", "list"], ["dead-letters", "retry", "--ingest", STORABLE]),
        *(["dead-letters", it, STORABLE] for it in ("show", "remove")),
        *(["relay", "--to", STORABLE], ["ingest", "--from", STORABLE, "--task", STORABLE]),
        *(
            ["paused"],
            ["limit", STORABLE, "--rate", "1"],
            ["limit", STORABLE, "--weight", "1"],
            ["agent", "breaker", agent, "--failures", "1"],
        ),
        *(["resume", STORABLE], ["resume", "queue"]),
        *(["gate", "list"], ["gate", "show", hostile["gate"]], ["gate", "show", STORABLE]),
        *(["gate", "link", hostile["gate"], STORABLE], ["gate", "rotate-links"]),
        ["gate", "create", STORABLE, "--approver", STORABLE],
        ["gate", "send-back", hostile["gate"], "--comment", STORABLE],
        *(["gate", it, hostile["gate"], "--by", STORABLE] for it in ("approve", "reject")),
        *(["token", "create", STORABLE], ["token", "list"], ["token", "revoke", STORABLE]),
        ["agent", "guard", STORABLE],
        ["gate", "answer", hostile["gate"], STORABLE],
        *(["workers", "--all"], ["schedule", "list"], ["schedule", "tick"]),
        *(["schedule", "put", STORABLE, "* * * * *", STORABLE], ["schedule", "remove", STORABLE]),
        *(["route", waiting], ["stats"], ["top"], ["doctor"], ["maintain", "--once"], ["export"]),
        ["cypher", f"MATCH (t:Task) RETURN t AS `{alias}`, t.content, [t.content] AS l"],
        ["cypher", "MATCH (t:Task)-[r]->() RETURN r, {a: t.content} AS m"],
        ["cypher", f"RETURN '{STORABLE}' AS"],
        *(["call", "orchestration_query_tasks"], ["call", STORABLE], ["call", "-", STORABLE]),
        ["call", "orchestration_get_agent_health", json.dumps({"agent_id": agent})],
        ["call", "orchestration_get_recommendations"],
        *(["task", "create", STORABLE], ["task", "create", "x", "--type", STORABLE]),
        ["task", "update", waiting, "--metadata", json.dumps(STORABLE)],
        ["task", "rate", done, "0.5", "--by", STORABLE, "--comment", STORABLE],
        *(["task", "retry", failed], ["task", "cancel", failed, "--reason", STORABLE]),
        *(["task", "retry", "--failed"], ["prune", "--older-than", "0s"]),
        *(["schedule", "remove", schedule], ["agent", "remove", agent]),
    ]
    told = {" ".join(args[:length]) for args in tries for length in (1, 2)}
    assert COMMANDS.keys() - SHOW_NOTHING_STORED - told <= {"mcp", "serve", "web"}
    shown = 0
    for given in tries:
        for args in (given, [given[0], *given[1:], "--json"]):
            said = run(*args)
            assert "a fault of graph-orch" not in said, (args, said[-2_000:])
            assert "Traceback (most" not in said
            assert said.replace("\n", "").isprintable(), (args, said)
            forged = [it for it in said.splitlines() if it.lstrip().startswith("FORGED")]
            assert forged == [], (args, said[:3_000])
            shown += "FORGED" in said
    assert shown > len(tries)  # it was there to be shown


def test_what_is_exported_before_it_is_deleted_drives_no_terminal_either(run, hostile, tmp_path):
    path = tmp_path / "old.jsonl"
    assert "tasks deleted" in run("prune", "--older-than", "0s", "--export", str(path))
    text = path.read_text()
    assert text.replace("\n", "").isprintable()
    assert any(STORABLE in json.loads(line)["content"] for line in text.splitlines())


def test_what_a_command_says_does_not_drive_the_log_of_its_worker(cli, orch):
    code = f"import sys; sys.stderr.write({STORABLE!r}); sys.exit(65)"
    task_id = orch.tasks.create_task(STORABLE, "any", requirements=["log"])
    process = cli.popen(
        *("worker", "--exec", f'{sys.executable} -c "{code}"', "--skills", "log", "--agent", "log")
    )
    said = []
    for line in process.stderr:
        said.append(line)
        if task_id in line:
            break
    process.send_signal(signal.SIGTERM)
    said.append(process.communicate(timeout=60)[1])
    lines = "".join(said).split("\n")
    assert any("FORGED" in line for line in lines)
    assert all(line.isprintable() and not line.startswith("FORGED") for line in lines)
