// Returns the tasks that an agent holds, and those, held by it or pending, that no other agent can
// do, since others lack a skill or are excluded. No row means that there is no such agent. It reads
// the lanes, which are few, and the pending tasks, but none of the history.
// mode: read
// seconds: 120
// params: $agent_id: STRING
// returns: held, only_it
CYPHER 5
MATCH (me:Agent {agent_id: $agent_id})
CALL (me) {
  UNWIND ['assigned', 'running'] AS status
  MATCH (t:Task) USING INDEX SEEK t:Task(assigned_to, status, created_at)
  WHERE t.assigned_to = me.agent_id AND t.status = status AND t.created_at IS NOT NULL
  RETURN collect(t) AS held
}
CALL (me) {
  MATCH (l:Lane) WHERE all(key IN l.needs WHERE key IN me.skills OR key IN me.terms)
  CALL (l) {
    INCLUDE routing/serving
    WITH a LIMIT 2
    RETURN count(a) AS serving
  }
  RETURN collect(l.key) AS served, collect(CASE WHEN serving = 1 THEN l.key END) AS mine
}
CALL (me, held, served, mine) {
  CALL (held) {
    UNWIND held AS t
    RETURN t
    UNION ALL
    MATCH (t:PendingTask)
    RETURN t
  }
  WITH me, t, t.lane IN served AS can, t.lane IN mine AS alone,
       coalesce(t.excluded_agents, []) AS excluded
  WHERE can AND (alone OR excluded <> []) AND NOT me.agent_id IN excluded
  CALL (me, t, alone, excluded) {
    WITH me, t, excluded WHERE NOT alone
    MATCH (l:Lane {key: t.lane})
    INCLUDE routing/serving
    WITH a WHERE a <> me AND NOT a.agent_id IN excluded
    RETURN count(a) AS others
  }
  WITH t WHERE others = 0
  RETURN collect(t.task_id) AS only_it
}
RETURN [t IN held | t.task_id] AS held, only_it
