"""Whatever strangers send, it is taken or refused in our terms, and harms nothing.

Rounds of inputs with a fixed seed each, see `rounds`: `make soak` makes them more.
"""

from __future__ import annotations

import asyncio
import copy
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import typer
from hypothesis import strategies as st

from graph_orch import Agent, AsyncOrchestrator, NewTask, Orchestrator, analysis
from graph_orch.analysis.io.files import SUFFIXES
from graph_orch.analysis.wfformat import parse_workflow, read_workflow, write_workflow
from graph_orch.cli.durations import seconds
from graph_orch.cli.input import text_of
from graph_orch.cli.run import default_speed
from graph_orch.domain.cron import Cron
from graph_orch.domain.dag import critical_path_of
from graph_orch.domain.fields import JSON_OBJECT, NAME, NEW_NAME, NEW_SKILLS
from graph_orch.errors import OrchestrationError, ValidationError
from graph_orch.serve.a2a import card_of, parse_card, registration, to_json
from graph_orch.serve.a2a import server as a2a_server
from graph_orch.serve.a2a.cards import CARD
from graph_orch.settings import Address, EmbeddedSettings, ServerSettings
from graph_orch.tools.call import Call
from graph_orch.tools.table import EVERY_TOOL
from tests.faults.asked import BY_HTTP, calls, without_waits
from tests.faults.rounds import fuzz
from tests.faults.strangers import KNOWN, WORDS, as_json, damaged, near, texts, unfolded, values
from tests.faults.web import Client, serving

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def refused_or(call: Callable[[], Any]) -> Any:
    """What a call gives; None where it is refused in a sentence."""
    try:
        return call()
    except (OrchestrationError, typer.BadParameter) as error:
        refused = error
    assert 0 < len(str(refused)) < 5_000, "what is refused is told in a sentence"
    return None


# Agent cards

SKILL = {"id": "find", "name": "Find recipes", "description": "x", "tags": ["cooking", "search"]}
OLD_CARD = {
    "name": "recipe-agent",
    "description": "Finds recipes",
    "version": "1.2",
    "protocolVersion": "0.3.0",
    "url": "https://recipes.example/a2a",
    "preferredTransport": "JSONRPC",
    "additionalInterfaces": [{"url": "https://recipes.example/b", "transport": "GRPC"}],
    "supportsAuthenticatedExtendedCard": True,
    "security": [{"key": ["read"]}],
    "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x"}},
    "capabilities": {
        "streaming": True,
        "extensions": [{"uri": "x:y", "params": {"deep": [1, None, {"a": 0.5}]}}],
    },
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [SKILL | {"security": [{"key": []}]}],
}
NEW_CARD = {
    "name": "recipe-agent",
    "supportedInterfaces": [{"url": "x", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
    "capabilities": {"extensions": [{"params": {"a": 1.0}}]},
    "securityRequirements": [{"schemes": {"key": {"list": ["read"]}}}],
    "skills": [SKILL],
    "signatures": [{"protected": "x", "signature": "y", "header": {"a": "b"}}],
}
cards = st.sampled_from([OLD_CARD, NEW_CARD]).flatmap(near)


def agent_with(card: Any) -> Agent:
    """An agent whose metadata anybody may have written."""
    return Agent.model_construct(
        agent_id="ada",
        capabilities=["python"],
        registered_at=NOW,
        last_seen_at=NOW,
        metadata={CARD: card},
    )


def check_card(given: Any) -> None:
    for escaped in (True, False):
        check_text_of_card(as_json(given, escaped=escaped).decode(errors="surrogatepass"))
    made = refused_or(lambda: card_of(agent_with(unfolded(given)), "http://x"))
    if made is not None:
        as_json(to_json(made))


def check_text_of_card(text: str) -> None:
    card = refused_or(lambda: parse_card(text))
    it = card and refused_or(lambda: registration(card))
    if it is None:
        return
    metadata = JSON_OBJECT.of("metadata", it.metadata)
    refused_or(lambda: NEW_NAME.of("agent_id", it.agent_id))
    refused_or(lambda: NEW_SKILLS.of("skills", it.capabilities))
    again = card_of(agent_with(metadata[CARD]), "http://x")
    assert again.name == card.name


def check_bytes_of_card(directory: Path, given: bytes) -> None:
    path = directory / "card.json"
    path.write_bytes(given)
    text = refused_or(lambda: text_of(path))
    if text is not None:
        check_text_of_card(text)


# Workflows

STEPS = [
    {"name": "a", "id": "1", "children": ["2"], "runtimeInSeconds": 1.5, "program": "/bin/a -x"},
    {"name": "b", "id": "2", "parents": ["1"], "runtime": 2, "command": {"program": "b"}},
    {"name": "c", "id": 3, "parents": ["1", "b"], "category": "c", "program": "x | y"},
]
WORKFLOW = {"name": "w", "schemaVersion": "1.4", "workflow": {"tasks": STEPS}}
SPLIT_WORKFLOW = {
    "name": "w",
    "schemaVersion": "1.5",
    "workflow": {
        "specification": {"tasks": [{"name": "a", "id": "a"}, {"id": "b", "parents": ["a"]}]},
        "execution": {
            "makespanInSeconds": 3,
            "tasks": [{"id": "a", "runtimeInSeconds": 3, "command": {"program": "a"}}],
        },
    },
}
workflows = st.sampled_from([WORKFLOW, SPLIT_WORKFLOW]).flatmap(near)


def check_workflow(directory: Path, given: Any) -> None:
    refused_or(lambda: parse_workflow(unfolded(given)))
    check_bytes_of_workflow(directory, as_json(given))


def check_bytes_of_workflow(directory: Path, given: bytes) -> None:
    path = directory / "workflow.json"
    path.write_bytes(given)
    workflow = refused_or(lambda: read_workflow(path))
    if workflow is None:
        return
    default_speed(workflow, 4)
    critical_path_of(workflow.dependencies, {it.id: it.seconds for it in workflow.steps})
    again = directory / "again.json"
    times: Any = {"makespan_seconds": 1.0, "executed_at": NOW}
    if refused_or(lambda: write_workflow(workflow, again, **times) or True):
        read = read_workflow(again)
        assert {it.id: it for it in read.steps} == {it.id: it for it in workflow.steps}


# Files of the analysis


def snapshot() -> nx.MultiDiGraph[Any]:
    graph: nx.MultiDiGraph[Any] = nx.MultiDiGraph(kind="all", version=1, taken_at=NOW, tries=1)
    tried = [{"agent_id": "ada", "attempt": 1, "outcome": "completed", "assigned_at": NOW}]
    graph.add_node("t0", label="Task", task_id="t0", status="completed", task_type="x", tries=tried)
    graph.add_node("t1", label="Task", task_id="t1", status="pending", created_at=NOW, unmet=1)
    graph.add_node("ada", label="Agent", capabilities=["python"], success_rate=0.5)
    graph.add_node("skill:python", label="Skill", key="python", odd=(1, {2: b"x"}))
    graph.add_edge("t1", "t0", key="DEPENDS_ON", type="DEPENDS_ON")
    graph.add_edge("ada", "skill:python", key="HAS_SKILL", type="HAS_SKILL", confidence=0.5)
    graph.add_edge("t0", "ada", key="ASSIGNED_TO:1", type="ASSIGNED_TO", attempt=1)
    return graph


def check_file(directory: Path, given: tuple[str, bytes]) -> None:
    suffix, found = given
    path = directory / f"given{suffix}"
    path.write_bytes(found)
    graph = refused_or(lambda: analysis.load(path))
    if graph is None:
        return
    for ask in (
        analysis.to_frames,
        analysis.tasks.levels,
        analysis.tasks.find_cycles,
        analysis.AgentSkills.of,
        analysis.history.success_rates,
        analysis.history.time_use,
        analysis.tasks.critical_path,
        analysis.templates.mine_templates,
        lambda graph: analysis.tasks.why_blocked(graph, "t1"),
        lambda graph: analysis.tasks.blast_radius(graph, "t0"),
    ):
        refused_or(lambda ask=ask: ask(copy.deepcopy(graph)))
    for kind in (".json", ".graphml"):
        kept, again = directory / f"kept{kind}", directory / f"again{kind}"
        if refused_or(lambda kept=kept: analysis.save(graph, kept) or True):
            analysis.save(analysis.load(kept), again)
            assert again.read_bytes() == kept.read_bytes()


def files(directory: Path) -> st.SearchStrategy[tuple[str, bytes]]:
    """Files near those that `save` writes: by their bytes, by those in gzip, by their structure."""
    valid = {}
    for suffix in SUFFIXES:
        path = directory / f"valid{suffix}"
        analysis.save(snapshot(), path)
        valid[suffix] = path.read_bytes()
    document = json.loads(valid[".json"])
    return st.one_of(
        *(
            damaged(found, WORDS).map(lambda it, at=suffix: (at, it))
            for suffix, found in valid.items()
        ),
        damaged(valid[".json"], WORDS).map(lambda it: (".json.gz", gzip.compress(it, 1, mtime=0))),
        near(document).map(lambda it: (".json", as_json(it))),
    )


# Addresses and settings

ADDRESSES = ["bolt://user:pass@host:7687", "neo4j+s://[::1]:7687/?policy=x", "bolt://h"]
ZONES = ["UTC", "Europe/Berlin", "Europe", "../UTC", "/etc/passwd", "localtime", "posixrules"]
CRONS = ["30 2 * * MON", "*/15 0-23/2 L 2,3 5#2", "0 0 29 2 *", "* * * * * *", "0 0 L * 1L"]


def check_address(given: tuple[Any, Any, Any]) -> None:
    found = refused_or(lambda: Address.parse(*given))
    if found is not None:
        assert refused_or(lambda: Address.parse(found.uri)) is not None
        str(found), repr(found)
    for settings in (ServerSettings, EmbeddedSettings):
        refused_or(
            lambda settings=settings: settings(
                **dict.fromkeys(list(settings.model_fields)[:5], given[0])
            ).environment()
        )


def check_times(given: tuple[str, str]) -> None:
    expression, zone = given
    refused_or(lambda: seconds(expression))
    cron = refused_or(lambda: Cron.of(NAME.of("cron", expression), NAME.of("timezone", zone)))
    if cron is not None:
        tick = cron.after(NOW)
        assert tick is None or cron.latest(tick, tick) == tick


def near_text(of: list[str], words: str) -> st.SearchStrategy[str]:
    pieces = [word.encode() for word in words.split()]
    found = st.sampled_from(of).flatmap(lambda it: damaged(it.encode(), pieces))
    return st.one_of(texts, found.map(lambda it: it.decode(errors="surrogateescape")))


PURE: dict[str, Callable[[Path], tuple[st.SearchStrategy[Any], Callable[[Any], None]]]] = {
    "cards": lambda _: (cards, check_card),
    "bytes of cards": lambda at: (
        damaged(as_json(OLD_CARD), WORDS),
        lambda it: check_bytes_of_card(at, it),
    ),
    "workflows": lambda at: (workflows, lambda it: check_workflow(at, it)),
    "bytes of workflows": lambda at: (
        damaged(as_json(WORKFLOW), WORDS),
        lambda it: check_bytes_of_workflow(at, it),
    ),
    "files": lambda at: (files(at), lambda it: check_file(at, it)),
    "addresses": lambda _: (
        st.tuples(
            near_text(ADDRESSES, "bolt:// neo4j:// @ : / ? # % %00 [ ] ::1 99999 \t \u2100"),
            st.one_of(st.none(), values, st.tuples(texts, texts)),
            st.one_of(st.none(), values),
        ),
        check_address,
    ),
    "times": lambda _: (
        st.tuples(
            near_text([*CRONS, "30d", "1.5h"], "* / , - # L W ? MON 99 0 1-5 @daily ٣ \x00"),
            st.one_of(st.sampled_from(ZONES), near_text(ZONES, "/ .. \x00 Europe")),
        ),
        check_times,
    ),
}


@pytest.mark.parametrize("target", PURE)
def test_what_is_read(tmp_path: Path, target: str) -> None:
    inputs, check = PURE[target](tmp_path)
    fuzz(target, inputs, check)


# Tools


def seed(orch: Orchestrator) -> None:
    """An agent, and tasks that wait, that wait for another, that are held and that are done."""
    orch.agents.register_agent("ada", ["python", "ü"], max_concurrent_tasks=100)
    new = [NewTask(task_id=it, content=f"python {it}", task_type="x") for it in KNOWN[3:]]
    new[1] = NewTask.parsed("it", {**dict(new[1]), "dependencies": [new[0].task_id]})
    orch.tasks.create_tasks(new)
    for task in new[2:]:
        orch.tasks.assign_task(task.task_id, "ada")
        orch.tasks.start_task(task.task_id)
    orch.tasks.complete_task(new[3].task_id, {"a": 1})


PICTURE = """
MATCH (n) OPTIONAL MATCH (n)-[r]->(m)
UNWIND [name IN keys(n) | [name, n[name]]] + [name IN keys(r) | [name, r[name]]] AS it
RETURN elementId(n) AS node, elementId(m) AS other, type(r) AS type, it,
       [label IN labels(n) WHERE NOT label ENDS WITH 'earchableTask'] AS labels
"""
"""All that there is, a row for each property, so that what changed is seen; but for what a search
puts into its index."""


class Tools:
    """Calls tools, and sees what became of it."""

    def __init__(self, run: Callable[..., Any], aorch: AsyncOrchestrator, cypher: Any) -> None:
        self._run = run
        self._call = Call(aorch)
        self._cypher = cypher

    def check(self, name: str, arguments: dict[str, Any]) -> None:
        """Call one; where that is refused, nothing has changed."""
        before = self._picture()
        answer, refused = self._answer(name, arguments)
        if refused is None:
            json.dumps(answer, allow_nan=False).encode()
        else:
            assert 0 < len(str(refused)) < 5_000
        if isinstance(refused, ValidationError):
            changed = before ^ self._picture()
            assert not changed, f"what was refused changed something: {refused}"

    def _answer(self, name: str, arguments: dict[str, Any]) -> Any:
        try:
            return self._run(EVERY_TOOL[name].run(self._call, arguments)), None
        except OrchestrationError as error:
            return None, error

    def _picture(self) -> set[str]:
        return {str(sorted(row.data().items())) for row in self._cypher(PICTURE)}


def test_tools(server, orch: Orchestrator, wipe, cypher) -> None:
    async def connected() -> AsyncOrchestrator:
        return await AsyncOrchestrator.connect(*server).__aenter__()

    def check(given: list[tuple[str, Any]]) -> None:
        wipe()
        seed(orch)
        for name, arguments in given:
            if isinstance(arguments, dict):
                tools.check(name, without_waits(unfolded(arguments)))

    def sound() -> None:
        assert orch.doctor().findings == []

    with asyncio.Runner() as runner:
        aorch = runner.run(connected())
        tools = Tools(runner.run, aorch, cypher)
        try:
            fuzz("tools", st.lists(calls, min_size=1, max_size=5), check, 20, after=sound)
        finally:
            runner.run(aorch.close())


@pytest.mark.parametrize("target", BY_HTTP)
def test_http(server, orch: Orchestrator, monkeypatch, wipe, target: str) -> None:
    monkeypatch.setattr(a2a_server, "BLOCKING_SECONDS", 0.05)
    with serving(server, monkeypatch) as web:
        client = Client(web, orch)

        def before() -> None:
            wipe()
            seed(orch)
            client.begin()

        send = getattr(client, target)
        fuzz(f"{target} by HTTP", BY_HTTP[target], send, 50, before, client.still_served)
