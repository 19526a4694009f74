"""Teams in the store: found, written, kept while agents go, preferred by the router."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import networkx as nx
import pytest

from graph_orch import Communities
from graph_orch._sync import teams as teams_module
from graph_orch.domain.forms import skill_key
from graph_orch.domain.models import Algorithm
from graph_orch.errors import (
    GdsMissingError,
    TaskNotFoundError,
    TeamNotFoundError,
    ValidationError,
)
from tests.unit.test_analysis_teams import agents_skills


def made(*groups: list[str], seed: int = 0) -> Communities:
    return Communities.of(groups, 0.5, Algorithm.LOUVAIN, 1.0, seed)


def taken(orch) -> nx.DiGraph:
    """The agents and their skills, as the snapshot has them."""
    return agents_skills(
        {each.agent_id: list(map(skill_key, each.capabilities)) for each in orch.agents.list()}
    )


def register(orch, *agent_ids: str, skills=()) -> None:
    for agent_id in agent_ids:
        orch.agents.register_agent(agent_id, list(skills))


def register_many(orch, skills_of: dict[str, list[str]]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: orch.agents.register_agent(*item), skills_of.items()))


def planted(teams: int, each: int, seed: int = 0) -> dict[str, list[str]]:
    """Agents of teams: three skills of their team's, one of anybody's, one that all have."""
    chance = random.Random(seed)
    return {
        f"{team}-{n}": [
            "common",
            f"any {chance.randrange(30)}",
            *(f"{team} {k}" for k in chance.sample(range(8), 3)),
        ]
        for team in range(teams)
        for n in range(each)
    }


def state(orch) -> set[tuple[str, str]]:
    return {
        (team.name, agent)
        for team in orch.teams.list()
        for agent in orch.teams.get_members(team.team_id)
    }


# --- written -----------------------------------------------------------------------------------


def test_teams_are_written_and_read(orch):
    register(orch, "ada", "bob", "eve")
    found = made(["eve"], ["bob", "ada"])
    written = orch.teams.write(found, ["writers", "readers"])
    assert (written.teams, written.members, written.missing) == (2, 3, [])
    writers, readers = orch.teams.list()
    assert (writers.name, writers.size, writers.algorithm) == ("writers", 2, "louvain")
    assert (writers.run_id, writers.modularity, writers.resolution) == (found.run_id, 0.5, 1.0)
    assert orch.teams.get_members(writers.team_id) == ["ada", "bob"]
    assert orch.teams.get_team("eve") == readers
    assert orch.teams.get_team("nobody") is None
    assert orch.teams.get_members("nothing") == []
    assert orch.doctor().is_sound


def test_writing_again_changes_nothing(orch):
    register(orch, "ada", "bob")
    orch.teams.write(made(["ada", "bob"]))
    before = orch.teams.list()
    orch.teams.write(made(["ada", "bob"]))
    assert orch.teams.list() == before


def test_a_run_replaces_the_one_before(orch):
    register(orch, "ada", "bob", "eve", "joe")
    orch.teams.write(made(["ada", "bob"], ["eve", "joe"]))
    orch.teams.write(made(["ada", "eve"], ["bob"], seed=1))
    assert state(orch) == {("Team 1", "ada"), ("Team 1", "eve"), ("Team 2", "bob")}
    assert orch.teams.get_team("joe") is None
    assert orch.doctor().is_sound
    assert orch.teams.clear() == 2
    assert (orch.teams.list(), orch.teams.clear()) == ([], 0)


def test_more_than_one_transaction_takes(orch, monkeypatch):
    monkeypatch.setattr(teams_module, "ONE_TRANSACTION", 3)
    monkeypatch.setattr(teams_module, "ROWS", 2)
    ids = [f"a{n}" for n in range(10)]
    register(orch, *ids)
    for seed, start in enumerate((0, 5)):
        groups = ids[start:] + ids[:start]
        orch.teams.write(made(groups[:7], groups[7:], seed=seed))
        assert {team.size for team in orch.teams.list()} == {7, 3}
        assert {orch.teams.get_team(agent).run_id for agent in ids} == {
            made(groups[:7], groups[7:], seed=seed).run_id
        }
    assert orch.doctor().is_sound
    assert orch.teams.clear() == 2


def test_who_has_gone_is_told_and_who_goes_leaves(orch):
    register(orch, "ada", "bob", "eve")
    orch.agents.deregister_agent("eve")
    written = orch.teams.write(made(["ada", "bob", "eve", "nobody"]))
    assert (written.members, written.missing) == (2, ["eve", "nobody"])
    orch.agents.deregister_agent("bob")
    (team,) = orch.teams.list()
    assert (team.size, orch.teams.get_members(team.team_id)) == (1, ["ada"])
    register(orch, "bob", "eve")  # back, and in no team until the next run
    assert orch.teams.get_team("bob") is None
    assert orch.doctor().is_sound
    orch.teams.write(made(["ada", "bob", "eve", "nobody"]))
    assert orch.teams.get_team("eve").size == 3


def test_writers_and_leavers_at_once_leave_it_sound(orch):
    ids = [f"a{n:02}" for n in range(40)]
    register(orch, *ids)
    runs = [made(ids[n:], ids[:n], seed=n) for n in (10, 20, 30)]
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(orch.teams.write, run) for run in runs]
        gone = [pool.submit(orch.agents.deregister_agent, agent_id) for agent_id in ids[::4]]
        for future in [*written, *gone]:
            future.result()
    assert len({team.run_id for team in orch.teams.list()}) == 1
    assert orch.doctor().is_sound


@pytest.mark.parametrize("after", [1, 2, 3])
def test_of_two_large_writes_at_once_the_later_one_counts(orch, monkeypatch, after):
    """The other one begins and ends where the first has done so many of its transactions."""
    monkeypatch.setattr(teams_module, "ONE_TRANSACTION", 3)
    ids = [f"a{n}" for n in range(8)]
    register(orch, *ids)
    first, other = made(ids[:4], ids[4:]), made(ids[:2], ids[2:], seed=1)
    transaction, begun = orch.graph.transaction, []

    def interrupted(work, *args):
        begun.append(work)
        if len(begun) == after + 1:
            assert orch.teams.write(other).members == 8
        return transaction(work, *args)

    monkeypatch.setattr(orch.graph, "transaction", interrupted)
    assert orch.teams.write(first).missing == []
    assert {team.run_id for team in orch.teams.list()} == {other.run_id}
    assert {orch.teams.get_team(agent_id).run_id for agent_id in ids} == {other.run_id}
    assert orch.doctor().is_sound


def test_a_large_write_ends_where_teams_are_cleared(orch, monkeypatch):
    monkeypatch.setattr(teams_module, "ONE_TRANSACTION", 3)
    register(orch, *"abcdefgh")
    parts = teams_module._parts

    def cleared(rows, size):
        for number, part in enumerate(parts(rows, size)):
            if number == 1 and size == 3:
                orch.teams.clear()
            yield part

    monkeypatch.setattr(teams_module, "_parts", cleared)
    orch.teams.write(made([*"abcd"], [*"efgh"]))
    assert orch.teams.list() == []
    assert orch.doctor().is_sound


def test_writers_clearing_and_registering_at_once(orch):
    ids = [f"a{n:02}" for n in range(20)]
    register(orch, *ids)
    runs = [made(ids[n:], ids[:n], seed=n) for n in (5, 10)]

    def come_and_go(agent_id):
        for _ in range(3):
            orch.agents.deregister_agent(agent_id)
            orch.agents.register_agent(agent_id, [])

    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(orch.teams.write, run) for run in runs * 4]
        work += [pool.submit(orch.teams.clear) for _ in range(3)]
        work += [pool.submit(come_and_go, agent_id) for agent_id in ids[::5]]
        for future in work:
            future.result()
    assert len({team.run_id for team in orch.teams.list()}) <= 1
    assert orch.doctor().is_sound


def test_a_store_without_the_constraint_on_teams_works(orch, cypher):
    """The graph of an earlier checkout has the version, and not this constraint."""
    (made_by,) = cypher(
        "SHOW CONSTRAINTS YIELD name, createStatement WHERE name = 'graph_orch_team_id' "
        "RETURN createStatement"
    )
    cypher("DROP CONSTRAINT graph_orch_team_id")
    try:
        register(orch, "ada", "bob")
        orch.teams.write(made(["ada"], ["bob"]))
        orch.teams.write(made(["ada", "bob"], seed=1))
        (team,) = orch.teams.list()
        assert orch.teams.get_members(team.team_id) == ["ada", "bob"]
        assert [len(page) for page in orch.export.teams()] == [1]
        assert orch.doctor().is_sound
    finally:
        cypher(made_by["createStatement"])


def test_doctor_mends_teams(orch, cypher):
    register(orch, "ada", "bob")
    orch.teams.write(made(["ada"], ["bob"]))
    cypher("MATCH (a:Agent {agent_id: 'ada'}), (g:Team) MERGE (a)-[:MEMBER_OF]->(g)")
    cypher("MATCH (a:Agent {agent_id: 'bob'}) REMOVE a:Agent SET a:RetiredAgent")
    findings = orch.doctor().findings
    assert {(each.check, each.node) for each in findings if each.check == "team_members"} == {
        ("team_members", "ada"),
        ("team_members", "bob"),
    }
    orch.doctor(repair=True)
    assert orch.doctor().is_sound
    assert sorted(team.size for team in orch.teams.list()) == [0, 1]


@pytest.mark.parametrize(
    ("given", "names", "message"),
    [
        ([["ada"]], None, "is a list where Communities are needed"),
        (made(["ada"]), ["a", "b"], "there are 2 for 1 communities"),
        (made(["ada"]), "a", "names: is one string"),
        (made(["ada"]), [""], "names"),
        (made(["ada"], ["ada"]), None, "'ada' is in more than one community"),
        (made([1, 2]), None, "members"),
    ],
)
def test_what_cannot_be_written(orch, given, names, message):
    with pytest.raises(ValidationError, match=message):
        orch.teams.write(given, names)
    assert orch.teams.list() == []


def test_nothing_is_written_of_nothing(orch):
    register(orch, "ada")
    orch.teams.write(made(["ada"]))
    assert orch.teams.write(made()).teams == 0
    assert orch.teams.list() == []


async def test_async_teams(aorch):
    await aorch.agents.register_agent("ada", [])
    await aorch.teams.write(made(["ada"]))
    assert (await aorch.teams.get_team("ada")).size == 1


# --- routing -----------------------------------------------------------------------------------


@pytest.fixture
def crews(orch, new_task):
    """Two teams that can do the same; `done(agent)` is a task that an agent completed."""
    register(orch, "a1", "a2", "b1", "b2", skills=["x"])
    register(orch, "b3")
    orch.teams.write(made(["a1", "a2"], ["b1", "b2", "b3"]), ["b", "a"])
    orch.agents.update_agent_performance("b2", False, 1)  # b2 is the worst of all
    orch.agents.update_agent_performance("b2", True, 1)

    def done(agent_id: str) -> str:
        task_id = new_task()
        orch.tasks.assign_task(task_id, agent_id)
        orch.tasks.start_task(task_id)
        orch.tasks.complete_task(task_id)
        return task_id

    return done


def test_the_team_of_the_origin_comes_first(orch, crews, new_task):
    task_id = new_task(requirements=["x"], dependencies=[crews("b3"), crews("b3"), crews("a1")])
    # a2 was not given a task yet, so it is the first of the equals.
    assert orch.router.route_task(task_id) == "a2"
    assert orch.router.route_task(task_id, prefer_team=True) == "b1"
    assert orch.router.route_task(task_id, ["b1"], prefer_team=True) == "b2"
    assert orch.router.route_task(task_id, ["b1", "b2"], prefer_team=True) == "a2"
    assert orch.router.dispatch_task(task_id, ["b1"], prefer_team=True) == "b2"
    assert orch.tasks.get_task_status(task_id).assigned_to == "b2"
    assert orch.doctor().is_sound


def test_a_team_by_its_id(orch, crews, new_task):
    task_id = new_task(requirements=["x"])
    b_team = orch.teams.get_team("b1").team_id
    assert orch.router.route_task(task_id, ["b1"], prefer_team=b_team) == "b2"
    for call in (orch.router.route_task, orch.router.dispatch_task):
        with pytest.raises(TeamNotFoundError, match="'gone' does not exist"):
            call(task_id, prefer_team="gone")
        with pytest.raises(ValidationError, match="prefer_team"):
            call(task_id, prefer_team="")
        with pytest.raises(TaskNotFoundError):
            call("nothing", prefer_team=b_team)
    assert orch.router.dispatch_task(task_id, prefer_team=b_team) == "b1"


def test_without_an_origin_it_is_as_without(orch, crews, new_task):
    register(orch, "free", skills=["x"])
    for dependencies in ([], [crews("free")]):
        task_id = new_task(requirements=["x"], dependencies=dependencies)
        assert orch.router.route_task(task_id, prefer_team=True) == orch.router.route_task(task_id)
    orch.teams.clear()
    expected = orch.router.route_task(task_id)
    assert orch.router.dispatch_task(task_id, prefer_team=True) == expected


def test_skills_and_slots_come_before_the_team(orch, crews, new_task):
    dependency = crews("b3")
    skilled = new_task(requirements=["rare"], dependencies=[dependency])
    assert orch.router.dispatch_task(skilled, prefer_team=True) is None
    register(orch, "rarity", skills=["rare"])
    assert orch.router.route_task(skilled, prefer_team=True) == "rarity"
    for agent_id in ("b1", "b2"):
        orch.agents.register_agent(agent_id, ["x"], max_concurrent_tasks=1)
    got = [
        orch.router.dispatch_task(
            new_task(requirements=["x"], dependencies=[dependency]), prefer_team=True
        )
        for _ in range(3)
    ]
    assert got[:2] == ["b1", "b2"]
    assert got[2] in ("a1", "a2")


def test_ties_between_teams_go_to_the_lower_id(orch, crews, new_task):
    task_id = new_task(requirements=["x"], dependencies=[crews("a1"), crews("b1")])
    lowest = min(team.team_id for team in orch.teams.list())
    chosen = orch.router.route_task(task_id, prefer_team=True)
    assert orch.teams.get_team(chosen).team_id == lowest


def test_many_dispatch_at_once(orch, crews, new_task):
    ids = [new_task(requirements=["x"], dependencies=[crews("b3")]) for _ in range(24)]
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda it: orch.router.dispatch_task(it, prefer_team=True), ids))
    assert sum(agent_id in ("b1", "b2") for agent_id in given) == 10
    assert given.count(None) == 4
    assert orch.doctor().is_sound


# --- found in the database ---------------------------------------------------------------------


def test_a_server_without_the_library(orch):
    if orch.graph.read("teams/has_gds", procedures=["gds.leiden.mutate"])[0]["found"]:
        pytest.skip("this server has it")
    register(orch, "ada", skills=["x"])
    with pytest.raises(
        GdsMissingError, match=r"GRAPH_ORCH_PLUGINS=gds .*analysis\.teams\.communities"
    ):
        orch.teams.detect()
