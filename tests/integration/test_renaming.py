"""A store in which composed and decomposed characters were different names, brought to one form."""

from __future__ import annotations

import contextlib
import unicodedata

import pytest

from graph_orch import Orchestrator
from graph_orch._sync.renaming import rename_all
from graph_orch._sync.schema import VERSION

NFC, NFD = "Qualit\u00e9", "Qualite\u0301"
OTHER = "qualite\u0301"


@pytest.fixture
def old_store(orch, cypher, wipe, monkeypatch):
    """Writes a store as version 3 did: names are compared as they come, skills case-folded."""

    def write() -> dict[str, str]:
        wipe()
        with monkeypatch.context() as patched:
            patched.setattr(unicodedata, "normalize", lambda form, text: text)
            ids = _live(orch)
        cypher("DROP INDEX graph_orch_task_words IF EXISTS")
        cypher(
            "CREATE FULLTEXT INDEX graph_orch_task_content IF NOT EXISTS "
            "FOR (t:SearchableTask) ON EACH [t.content]"
        )
        cypher(
            "MATCH (t:Task) REMOVE t:UnsearchableTask, t.words SET t:SearchableTask "
            "WITH count(*) AS n MATCH (s:GraphOrchSchema) SET s.version = 3"
        )
        return ids

    yield write
    orch.schema.migrate()


def _live(orch: Orchestrator) -> dict[str, str]:
    tasks, agents = orch.tasks, orch.agents
    agents.register_agent("both", [NFC, NFD, "x"], max_concurrent_tasks=9)
    agents.learn_new_capability("both", NFD, 0.5)
    agents.register_agent(f"a {NFD}", [OTHER], max_concurrent_tasks=9)
    agents.register_agent("gone", [NFD, NFC])
    agents.deregister_agent("gone")
    orch.schedules.put(f"s {NFD}", "0 0 1 1 *", {"content": "x", "task_type": "x"})
    for key, limit in ((f"k {NFC}", 1), (f"k {NFD}", 2)):
        tasks.set_concurrency_limit(key, limit)
    of = {
        "held": {"requirements": [NFD]},
        "done": {"requirements": [NFD, "x"]},
        "composed": {"requirements": [NFC]},
        "decomposed": {"requirements": [OTHER], "content": f"the {NFD}"},
        "both": {"requirements": [NFC, NFD], "idempotency_key": f"i {NFD}"},
        "limited": {"requirements": [NFD], "concurrency_key": f"k {NFD}"},
        "limited too": {"requirements": [NFC], "concurrency_key": f"k {NFC}"},
        "only limited": {"concurrency_key": f"k {NFD}"},
    }
    ids = {
        name: tasks.create_task(fields.pop("content", name), f"t {NFD}", **fields)
        for name, fields in of.items()
    }
    ids["blocked"] = tasks.create_task(
        "blocked", "any", requirements=[NFD], dependencies=[ids["held"]]
    )
    for name in ("held", "done", "limited"):
        tasks.assign_task(ids[name], f"a {NFD}" if name != "done" else "both", lease_seconds=600)
        tasks.start_task(ids[name])
    tasks.complete_task(ids["done"], 1)
    return ids


def _check(orch: Orchestrator, ids: dict[str, str], cypher) -> None:
    agents, tasks = orch.agents, orch.tasks
    assert orch.doctor().findings == []
    (row,) = cypher(
        "MATCH (k:Skill) WITH collect(k.key) AS skills "
        "MATCH (l:Lane) RETURN skills, collect(l.skills) AS lanes, "
        "COUNT { (:Lane)-[:NEEDS]->() } AS needs, COUNT { (:Task)-[:REQUIRES]->() } AS requires"
    )
    key = NFC.casefold()
    assert sorted(row["skills"]) == [key, "x"]
    assert sorted(row["lanes"]) == [[], [], [key], [key], [key, "x"]]
    assert (row["needs"], row["requires"]) == (4, 9)
    agent = f"a {NFC}"
    for form in (NFC, NFD, NFC.upper()):
        assert sorted(agents.get_agents_by_capability([form])) == [agent, "both"]
        assert len(tasks.query_tasks({"requirement": form})) == 8
    assert agents.get_agent("both").skills == [key, "x"]
    assert cypher("MATCH (a:RetiredAgent) RETURN a.retired_skills AS it")[0]["it"] == [key]
    assert tasks.create_task("both", f"t {NFC}", idempotency_key=f"i {NFC}") == ids["both"]
    assert len(tasks.query_tasks({"task_type": f"t {NFC}"})) == 8
    for form in (NFC, NFD):
        assert [it.task_id for it in tasks.query_tasks({"text": form})] == [ids["decomposed"]]
    assert [it.name for it in orch.schedules.list()] == [f"s {NFC}"]
    limit = tasks.set_concurrency_limit(f"k {NFD}", 2)
    assert (limit.key, limit.active) == (f"k {NFC}", 1)
    tasks.complete_task(ids["held"], 1)
    claimed = [it.task_id for it in tasks.claim_tasks(agent, 9)]
    limited = [ids["limited too"], ids["only limited"]]
    others = [ids[name] for name in ("composed", "decomposed", "both", "blocked")]
    assert sorted(claimed) == sorted([*others, limited[0]])  # the key's second place was free
    tasks.complete_task(ids["limited"], 1)
    assert [it.task_id for it in tasks.claim_tasks(agent, 9)] == [limited[1]]
    assert orch.doctor().findings == []


def test_a_store_of_the_version_before_is_migrated_however_often_that_is_killed(
    orch, old_store, cypher, monkeypatch
):
    """Killed before its first write, then before its second, and so on, until it comes through."""
    ids = old_store()
    write = type(orch.graph).write
    applied: list[int] | None = None
    allowed = 0
    while applied is None:
        left = allowed

        def dies(self, name, write=write, **params):
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return write(self, name, **params)

        with monkeypatch.context() as patched:
            patched.setattr(type(orch.graph), "write", dies)
            with contextlib.suppress(KeyboardInterrupt):
                applied = orch.schema.migrate()
        allowed += 1
    assert applied == [VERSION]  # those before it were recorded when a later one was killed
    assert allowed > 8
    before = _picture(cypher)
    rename_all(orch.graph)  # nothing is left to do
    assert _picture(cypher) == before
    _check(orch, ids, cypher)


def test_one_name_in_three_forms(orch, cypher):
    """Two that are not composed become the same; the store must open all the same."""
    forms = ["\u1ec7", "e\u0323\u0302", "\u1eb9\u0302", "e\u0302\u0323"]
    for form in forms:
        cypher("CREATE (:Agent {agent_id: $form, skills: []})", form=form)
        cypher("CREATE (:Schedule {name: $form})", form=form)
        cypher("CREATE (:Limit {key: $form, max: 2, active: 1})", form=form)
        cypher("CREATE (:Task {task_id: $form, idempotency_key: $form, task_type: 'x'})", form=form)
    rename_all(orch.graph)
    rows = cypher("MATCH (x:Limit) RETURN x.key AS key, x.active AS active, x.max AS max")
    assert [row.values() for row in rows] == [[forms[0], 4, 2]]
    assert len(cypher("MATCH (a:Agent) RETURN a")) == len(forms)


def _picture(cypher) -> list[object]:
    rows = cypher(
        "MATCH (n) WHERE NOT n:GraphOrchSchema OPTIONAL MATCH (n)-[r]->(m) "
        "RETURN elementId(n) AS id, properties(n) AS of, collect([type(r), elementId(m)]) AS out "
        "ORDER BY id"
    )
    return [[row["id"], row["of"], sorted(map(str, row["out"]))] for row in rows]
