// Gives a held task back unharmed, assigned or running -> pending: no retry is spent and no failure
// is counted. Where $exclude_agent, its holder is not given it again. No row means that this was
// refused.
// Locks: the agent, the limit, the task.
// mode: write
// params: $task_id: STRING, $attempt: INTEGER, $exclude_agent: BOOLEAN, $detail: STRING,
//   $used: LIST<INTEGER>, $command_id: STRING
// returns: task, dependencies
CYPHER 5
INCLUDE tasks/lock_held
SET t.events = t.events + 1,
    r.ended_at = now,
    r.outcome = 'released',
    t.excluded_agents = CASE WHEN $exclude_agent
      THEN coalesce(t.excluded_agents, []) + [a.agent_id] ELSE t.excluded_agents END,
    r.used = coalesce($used, r.used),
    a.active_tasks = a.active_tasks - 1
INCLUDE tasks/settle
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $command_id, type: 'released', at: now, attempt: t.attempt,
  seq: t.events, agent_id: a.agent_id, command_id: $command_id, detail: $detail
})
INCLUDE tasks/take_back
INCLUDE tasks/ready_again
RETURN INCLUDE tasks/answer
