"""Texts for agents: how to work with the queue, and what the graph holds."""

from __future__ import annotations

INSTRUCTIONS = (
    "A queue of tasks on a graph. To work: orchestration_register_agent once, then poll_tasks with "
    "claim=true, start_task, and complete_task or fail_task, each with the attempt of the claim. "
    "Errors say what to do next. The prompt work_here tells more."
)

GUIDE = """You are the agent {agent_id} of a task queue. Your skills: {capabilities}.

1. Once: orchestration_register_agent(agent_id="{agent_id}", capabilities=[your skills]). Where you
   do not have this tool, an administrator has registered you.
2. Take work: orchestration_poll_tasks(agent_id="{agent_id}", claim=true, limit=1, wait_seconds=60).
   Each task comes with an `attempt`: pass it to every command on the task. It is yours until
   `lease_expires_at`.
3. Begin: orchestration_start_task(task_id, attempt). If the work takes longer than the lease, call
   orchestration_start_task(task_id, attempt, heartbeat=true, progress=0.5) before it runs out.
4. What it depends on has results: orchestration_get_task_status(task_id=each of `dependencies`).
5. Done: orchestration_complete_task(task_id, attempt, result=any JSON). What waited becomes ready.
   Not done: orchestration_fail_task(task_id, attempt, error=...). error_class="permanent" if nobody
   could do it, "capability" if another agent could; action="release" gives it back unharmed.
6. More to do than you can: orchestration_create_task(content, requirements=[skills],
   dependencies=[ids]). With tasks=[...] a whole plan at once; give each a task_id (a UUID) so that
   others can name it.
7. Back to 2 until there is nothing left to do.

Rules
- "attempt ... ended" or "stale": the task is somebody else's now. Drop it, and take another.
- Was an answer lost? Ask again with the same command_id (commands) or idempotency_key (creation):
  nothing happens twice, and you get the same answer.
- Two agents never hold one task, and none is handed a task whose skills it lacks.
- Stuck? orchestration_get_recommendations, where you have it, says what is wrong and which call
  mends it.
"""

GRAPH = """# The graph

Nodes: Agent(agent_id), RetiredAgent(agent_id), Skill(key), Task(task_id), Lane(key), Limit(key),
Worker(worker_id), TaskEvent(event_id), Schedule(name), EventLog(name), GraphOrchSchema(name).

Edges: (Agent)-[HAS_SKILL]->(Skill), (Task)-[REQUIRES]->(Skill), (Task)-[DEPENDS_ON]->(Task),
(Task)-[ASSIGNED_TO]->(Agent) one for each try, (Lane)-[NEEDS]->(Skill) a lane is one distinct set
of required skills, (Lane)-[LIMITED_BY]->(Limit), (Worker)-[WORKS_AS]->(Agent),
(Task)-[OF_SCHEDULE]->(Schedule), (Task)-[HAS_EVENT]->(TaskEvent).

Life of a task: pending -assign-> assigned -start-> running -complete-> completed.
fail: assigned or running -> pending while retries are left, else failed. release: -> pending.
cancel: pending, assigned or running -> cancelled. retry: failed or cancelled -> pending.
Blocked is no status: a pending task is blocked while unmet > 0.
"""
