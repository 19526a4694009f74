"""A state machine drives the API beside a plain model; the whole graph is compared at each step."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from graph_orch import OrchestrationError

SKILLS = ["x", "y"]
AGENTS = ["ada", "bob"]
ENDED = {"completed", "failed", "cancelled"}

WHOLE = """
CALL () { MATCH (t:Task)
  RETURN collect([t.task_id, t.status, t.unmet, t.retry_count, t.attempt, t.assigned_to,
    t.ready_key IS NOT NULL, [l IN labels(t) WHERE NOT l IN ['Task', 'UnsearchableTask']],
    COUNT { (t)-[r:ASSIGNED_TO]->() WHERE r.ended_at IS NULL }, COUNT { (t)-[:HAS_EVENT]->() },
    t.events]) AS tasks }
CALL () { MATCH (a:Agent) RETURN collect([a.agent_id, a.active_tasks, a.total_completed,
    a.total_failed,
    COUNT { (a)<-[r:ASSIGNED_TO]-() WHERE r.ended_at IS NULL }]) AS agents }
RETURN tasks, agents
"""


@dataclass
class ModelTask:
    skills: frozenset[str]
    needs: set[str]
    cancels: bool
    max_retries: int
    status: str = "pending"
    retry_count: int = 0
    attempt: int = 0
    agent: str | None = None


@dataclass
class ModelAgent:
    skills: frozenset[str]
    limit: int
    completed: int = 0
    failed: int = 0


@dataclass
class Model:
    tasks: dict[str, ModelTask] = field(default_factory=dict)
    agents: dict[str, ModelAgent] = field(default_factory=dict)

    def unmet(self, task: ModelTask) -> int:
        return sum(self.tasks[need].status != "completed" for need in task.needs)

    def held(self, agent_id: str) -> list[ModelTask]:
        return [
            task
            for task in self.tasks.values()
            if task.agent == agent_id and task.status in ("assigned", "running")
        ]

    def has_room(self, agent_id: str, task: ModelTask) -> bool:
        agent = self.agents.get(agent_id)
        return (
            agent is not None
            and task.skills <= agent.skills
            and len(self.held(agent_id)) < agent.limit
        )

    def can_take(self, agent_id: str, task: ModelTask) -> bool:
        is_ready = task.status == "pending" and self.unmet(task) == 0
        return is_ready and self.has_room(agent_id, task)

    def spread(self, task_id: str) -> None:
        """Cancel what asks to be cancelled with a task that ended badly."""
        for other_id, other in self.tasks.items():
            if task_id in other.needs and other.cancels and other.status == "pending":
                other.status = "cancelled"
                self.spread(other_id)

    def waits_for(self, task_id: str, other: str) -> bool:
        return task_id == other or any(
            self.waits_for(need, other) for need in self.tasks[task_id].needs
        )


def test_api_agrees_with_a_plain_model(orch, cypher):
    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            cypher(
                "MATCH (n) WHERE NOT n:GraphOrchSchema AND NOT (n:Lane AND n.size = 0)"
                " DETACH DELETE n"
            )
            self.model = Model()
            self.retired: dict[str, ModelAgent] = {}

        def ask(self, allowed: bool, call, *args, **kwargs):
            """Call the API; it must refuse exactly what the model does not allow."""
            try:
                answer = call(*args, **kwargs)
            except OrchestrationError:
                assert not allowed, f"{call.__name__}{args} was refused"
                return None
            assert allowed, f"{call.__name__}{args} was not refused"
            return answer

        def one(self, data):
            return data.draw(st.sampled_from(sorted(self.model.tasks)))

        @rule(
            agent_id=st.sampled_from(AGENTS),
            skills=st.sets(st.sampled_from(SKILLS)),
            limit=st.integers(1, 3),
        )
        def register(self, agent_id, skills, limit):
            orch.agents.register_agent(agent_id, sorted(skills), max_concurrent_tasks=limit)
            known = self.retired.pop(agent_id, ModelAgent(frozenset(), 0))
            agent = self.model.agents.setdefault(agent_id, known)
            agent.skills, agent.limit = frozenset(skills), limit

        @rule(
            skills=st.sets(st.sampled_from(SKILLS), max_size=1),
            cancels=st.booleans(),
            max_retries=st.integers(0, 1),
            data=st.data(),
        )
        def create(self, skills, cancels, max_retries, data):
            ids = sorted(self.model.tasks)
            needs = data.draw(st.sets(st.sampled_from(ids), max_size=2)) if ids else set()
            task_id = orch.tasks.create_task(
                "x",
                "any",
                requirements=sorted(skills),
                dependencies=sorted(needs),
                max_retries=max_retries,
                on_dependency_failure="cancel" if cancels else "wait",
            )
            task = ModelTask(frozenset(skills), set(needs), cancels, max_retries)
            if cancels and any(
                self.model.tasks[need].status in ("failed", "cancelled") for need in needs
            ):
                task.status = "cancelled"
            self.model.tasks[task_id] = task

        @rule(agent_id=st.sampled_from(AGENTS), data=st.data())
        def assign(self, agent_id, data):
            if not self.model.tasks:
                return
            task_id = self.one(data)
            task = self.model.tasks[task_id]
            allowed = self.model.can_take(agent_id, task)
            if self.ask(allowed, orch.tasks.assign_task, task_id, agent_id):
                task.status, task.agent = "assigned", agent_id
                task.attempt += 1

        @rule(agent_id=st.sampled_from(AGENTS), data=st.data())
        def reassign(self, agent_id, data):
            if not self.model.tasks:
                return
            task_id = self.one(data)
            task = self.model.tasks[task_id]
            is_others = task.status in ("assigned", "running") and task.agent != agent_id
            allowed = is_others and self.model.has_room(agent_id, task)
            if self.ask(allowed, orch.tasks.reassign_task, task_id, agent_id):
                task.status, task.agent = "assigned", agent_id
                task.attempt += 1

        @rule(data=st.data())
        def dispatch(self, data):
            waiting = [
                task_id
                for task_id, task in self.model.tasks.items()
                if task.status == "pending" and self.model.unmet(task) == 0
            ]
            if not waiting:
                return
            task_id = data.draw(st.sampled_from(sorted(waiting)))
            task = self.model.tasks[task_id]
            able = {name for name in AGENTS if self.model.can_take(name, task)}
            agent_id = orch.router.dispatch_task(task_id)
            assert (agent_id in able) if able else (agent_id is None)
            if agent_id:
                task.status, task.agent = "assigned", agent_id
                task.attempt += 1

        @rule(
            command=st.sampled_from(["start", "complete", "fail", "release", "cancel", "retry"]),
            data=st.data(),
        )
        def change(self, command, data):
            if self.model.tasks:
                getattr(self, f"_{command}")(*self._chosen(data))

        def _chosen(self, data):
            task_id = self.one(data)
            return task_id, self.model.tasks[task_id]

        def _start(self, task_id, task):
            if self.ask(task.status == "assigned", orch.tasks.start_task, task_id):
                task.status = "running"

        def _complete(self, task_id, task):
            if self.ask(task.status == "running", orch.tasks.complete_task, task_id):
                task.status = "completed"
                self.model.agents[task.agent].completed += 1

        def _fail(self, task_id, task):
            held = task.status in ("assigned", "running")
            if self.ask(held, orch.tasks.fail_task, task_id, "broken"):
                again = task.retry_count < task.max_retries
                task.retry_count += 1
                self.model.agents[task.agent].failed += 1
                task.status = "pending" if again else "failed"
                if again:
                    task.agent = None
                else:
                    self.model.spread(task_id)

        def _release(self, task_id, task):
            held = task.status in ("assigned", "running")
            if self.ask(held, orch.tasks.release_task, task_id):
                task.status, task.agent = "pending", None

        def _cancel(self, task_id, task):
            if self.ask(task.status not in ENDED, orch.tasks.cancel_task, task_id):
                task.status = "cancelled"
                self.model.spread(task_id)

        def _retry(self, task_id, task):
            if self.ask(task.status in ("failed", "cancelled"), orch.tasks.retry_task, task_id):
                task.status, task.retry_count, task.agent = "pending", 0, None

        @rule(data=st.data())
        def add_dependency(self, data):
            if not self.model.tasks:
                return
            (task_id, task), (other_id, other) = self._chosen(data), self._chosen(data)
            allowed = task.status == "pending" and not self.model.waits_for(other_id, task_id)
            if self.ask(allowed, orch.tasks.add_dependency, task_id, other_id):
                task.needs.add(other_id)
                if task.cancels and other.status in ("failed", "cancelled"):
                    task.status = "cancelled"
                    self.model.spread(task_id)

        @rule(agent_id=st.sampled_from(AGENTS))
        def deregister(self, agent_id):
            known = agent_id in self.model.agents
            if self.ask(known, orch.agents.deregister_agent, agent_id):
                for task in self.model.held(agent_id):
                    task.status, task.agent = "pending", None
                self.retired[agent_id] = self.model.agents.pop(agent_id)

        @invariant()
        def whole_graph_agrees(self):
            (row,) = cypher(WHOLE)
            assert {task[0] for task in row["tasks"]} == set(self.model.tasks)
            for found in row["tasks"]:
                self._task_agrees(*found)
            agents = {
                name: (active, done, failed) for name, active, done, failed, _ in row["agents"]
            }
            assert agents == {
                name: (len(self.model.held(name)), agent.completed, agent.failed)
                for name, agent in self.model.agents.items()
            }
            assert all(active == edges for _, active, _, _, edges in row["agents"])
            assert orch.doctor().findings == []

        def _task_agrees(
            self, task_id, status, unmet, retries, attempt, agent, ready, labels, live, events, seq
        ):
            task = self.model.tasks[task_id]
            waiting = self.model.unmet(task)
            assert (status, unmet, retries) == (task.status, waiting, task.retry_count)
            assert (attempt, agent) == (task.attempt, task.agent)
            assert ready == (status == "pending" and waiting == 0)
            blocked = status == "pending" and waiting > 0
            expected = {f"{status.capitalize()}Task"} | ({"BlockedTask"} if blocked else set())
            assert set(labels) == expected
            assert live == (status in ("assigned", "running"))
            assert events == seq

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
