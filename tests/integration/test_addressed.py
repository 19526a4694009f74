"""Tasks for a team, for its leader, and for agents with labels."""

from __future__ import annotations

import pytest

from graph_orch import Communities, NewTask
from graph_orch.errors import AgentNotFoundError, MissingCapabilityError, ValidationError
from graph_orch.testing.clock import advance


@pytest.fixture
def crew(orch):
    """Two writers led by ada, and cyd, who can write too."""
    for agent in ("ada", "bob", "cyd"):
        orch.agents.register_agent(agent, ["writing"])
    orch.teams.put("writers", ["ada", "bob"], leader="ada")
    return orch


def taken(orch, agent: str, limit: int = 5) -> list[str]:
    return [claim.task.content for claim in orch.tasks.claim_tasks(agent, limit)]


def reasons(orch, task_id: str) -> str:
    return " ".join(it.sentence for it in orch.insights.why_blocked(task_id).reasons)


def test_a_task_for_a_team_goes_to_members_and_after_a_wait_to_others(crew):
    first, second = (
        crew.tasks.create_task(
            it, "any", requirements=["writing"], team_id="writers", fallback_after_seconds=60
        )
        for it in ("first", "second")
    )
    assert taken(crew, "cyd") == []
    assert [it.content for it in crew.tasks.poll_tasks("cyd")] == []
    assert crew.router.route_task(first) in ("ada", "bob")
    with pytest.raises(MissingCapabilityError, match="membership of team writers"):
        crew.tasks.assign_task(first, "cyd")
    assert [it.content for it in crew.tasks.poll_tasks("bob")] == ["first", "second"]
    crew.tasks.assign_task(first, "bob")
    crew.pauses.put("agent:ada")
    crew.pauses.put("agent:bob")
    assert "it waits for the team 'writers' until" in reasons(crew, second)
    advance(crew, 61)
    assert taken(crew, "cyd") == ["second"]
    (team,) = crew.teams.list()
    assert (team.leader, team.size, team.helped) == ("ada", 2, 1)
    crew.tasks.release_task(second)
    crew.tasks.update_task(second, requirements=[])
    assert taken(crew, "cyd") == ["second"]  # it is for others too, for good
    assert crew.teams.list()[0].helped == 2
    assert crew.tasks.get_task_status(second).team_id == "writers"


def test_the_leader_is_given_what_is_for_it_and_delegates(crew):
    plan = crew.tasks.create_task(
        "plan", "plan", team_id="writers", for_leader=True, fallback_after_seconds=60
    )
    assert taken(crew, "bob") == taken(crew, "cyd") == []
    assert taken(crew, "ada") == ["plan"]
    crew.tasks.release_task(plan)
    crew.teams.put("writers", ["ada", "bob"], leader="bob")
    assert taken(crew, "ada") == []
    assert taken(crew, "bob") == ["plan"]
    crew.tasks.release_task(plan)
    crew.teams.put("writers", ["ada", "bob"])
    assert "lead of team writers" in reasons(crew, plan)
    assert taken(crew, "bob") == []
    advance(crew, 61)
    assert taken(crew, "cyd") == []  # then it is for the members, and for them alone
    assert taken(crew, "ada") == ["plan"]
    assert crew.teams.list()[0].helped == 0


def test_who_leaves_a_team_or_is_gone_gets_none_of_its_tasks(crew):
    task = crew.tasks.create_task("x", "any", team_id="writers")
    crew.teams.put("writers", ["ada"])
    assert taken(crew, "bob") == []
    crew.teams.put("others", ["ada", "bob"])
    assert taken(crew, "ada") == []
    assert "no registered agent has 'membership of team writers'" in reasons(crew, task)
    (told,) = crew.monitor.get_recommendations()
    assert told.what == "no agent has membership of team writers"
    crew.agents.deregister_agent("bob")
    crew.agents.register_agent("bob", [])
    crew.teams.put("writers", ["bob"])
    assert taken(crew, "bob") == ["x"]
    assert crew.teams.remove("writers") is True
    assert crew.teams.remove("writers") is False
    assert [it.team_id for it in crew.teams.list()] == ["others"]
    assert crew.doctor().findings == []


def test_an_address_can_be_changed(crew):
    task = crew.tasks.create_task("x", "any", requirements=["writing"], team_id="writter")
    assert taken(crew, "ada") == []
    changed = crew.tasks.update_task(task, team_id="writers", for_leader=True)
    assert (changed.team_id, changed.for_leader) == ("writers", True)
    assert (taken(crew, "bob"), taken(crew, "ada")) == ([], ["x"])
    crew.tasks.release_task(task)
    crew.agents.register_agent("cyd", ["writing"], labels=["eu"])
    labels = {"required_labels": ["eu"], "preferred_labels": {"gpu": 5}}
    crew.tasks.update_task(task, team_id=None, for_leader=False, fairness_key="f", **labels)
    assert (taken(crew, "ada"), taken(crew, "cyd")) == ([], ["x"])
    found = crew.tasks.get_task_status(task)
    assert (found.required_labels, found.preferred_labels) == (["eu"], {"gpu": 5})


def test_teams_that_are_found_leave_those_put_by_hand_alone(crew):
    how = {"modularity": 0.5, "algorithm": "leiden", "resolution": 1, "seed": 0}
    for run in ("one", "two"):
        found = Communities(members=[["ada", "cyd"]], run_id=run, **how)
        written = crew.teams.write(found)
        assert (written.members, written.missing) == (1, ["ada"])
    assert crew.teams.get_members("writers") == ["ada", "bob"]
    first = crew.teams.list()[-1].team_id
    crew.teams.put(first, ["cyd"], leader="cyd")  # it is kept by hand from now on
    crew.teams.write(Communities(members=[["ada", "cyd"]], run_id="two", **how))
    assert crew.teams.get_team("cyd").leader == "cyd"
    crew.teams.remove(first)
    assert crew.teams.clear() == 0
    assert [it.team_id for it in crew.teams.list()] == ["writers"]


def test_a_team_that_is_not_acceptable_changes_nothing(crew):
    with pytest.raises(AgentNotFoundError, match="'eve' is not registered"):
        crew.teams.put("writers", ["cyd", "eve"])
    with pytest.raises(ValidationError, match="'cyd' is not among the members"):
        crew.teams.put("writers", ["ada"], leader="cyd")
    assert crew.teams.get_members("writers") == ["ada", "bob"]
    assert crew.teams.get_team("ada").leader == "ada"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"for_leader": True}, "for_leader needs the team_id"),
        ({"fallback_after_seconds": 1}, "needs what changes after that wait"),
        ({"fallback_requirements": ["x"]}, "give both, or none"),
        ({"required_labels": "eu"}, "one string where a list"),
        ({"preferred_labels": {"eu": 0}}, "greater than 0"),
        ({"preferred_labels": {"eu": float("nan")}}, "greater than 0|finite"),
        ({"preferred_labels": ["eu"]}, "mapping"),
    ],
)
def test_an_address_that_is_not_acceptable(fields, told):
    with pytest.raises(ValidationError, match=told):
        NewTask(content="x", task_type="any", **fields)


def test_an_agent_needs_the_labels_that_a_task_requires(orch):
    orch.agents.register_agent("ada", ["x"], labels=["region=eu", "gpu"])
    orch.agents.register_agent("bob", ["x"], labels=["region=us"])
    task = orch.tasks.create_task(
        "eu", "any", requirements=["x"], required_labels=["gpu", "region=eu"]
    )
    free = orch.tasks.create_task("free", "any", required_labels=["region=us"])
    assert orch.router.route_task(task) == "ada"
    assert orch.router.dispatch_task(free) == "bob"
    assert taken(orch, "bob") == []
    with pytest.raises(MissingCapabilityError, match="'label gpu', 'label region=eu'"):
        orch.tasks.assign_task(task, "bob")
    orch.agents.register_agent("ada", ["x"])  # what is not given stays
    assert taken(orch, "ada") == ["eu"]
    orch.tasks.release_task(task)
    orch.agents.register_agent("ada", ["x"], labels=[])
    assert orch.agents.get_agent("ada").labels == []
    assert taken(orch, "ada") == []
    assert "no registered agent has 'label gpu', 'label region=eu'" in reasons(orch, task)


def test_preferred_labels_count_as_so_many_seconds_of_waiting(orch):
    orch.agents.register_agent("ada", ["x"], labels=["eu", "gpu"])
    orch.agents.register_agent("bob", ["x"])
    for content, liked in (
        ("none", {}),
        ("eu", {"eu": 60}),
        ("both", {"eu": 60, "gpu": 60}),
        ("us", {"us": 600}),
    ):
        orch.tasks.create_task(content, "any", requirements=["x"], preferred_labels=liked)
    assert [it.content for it in orch.tasks.poll_tasks("ada")] == ["both", "eu", "none", "us"]
    assert [it.content for it in orch.tasks.poll_tasks("bob")] == ["none", "eu", "both", "us"]
    assert taken(orch, "ada", 1) == ["both"]
    assert taken(orch, "bob", 2) == ["none", "eu"]  # nobody waits for an agent that is liked
    liked = orch.tasks.create_task("y", "any", requirements=["x"], preferred_labels={"eu": 1})
    orch.agents.update_agent_performance("ada", False, 1)  # bob is better, and ada is liked
    assert orch.router.route_task(liked) == "ada"
    assert orch.router.dispatch_task(liked) == "ada"
