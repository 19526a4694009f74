// The best ready tasks that an agent's skills cover, through the lanes that it serves: the cost
// follows its lanes, not the backlog. Lanes whose concurrency limit is reached are left out.
// No row: no such agent. `due`: the time of some tasks has come, and they are to be looked at first.
// mode: read
// params: agent_id, limit
// returns: tasks, due
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
// include tasks/is_due
CALL (a) {
  MATCH (a)-[:SERVES]->(l:Lane)
  WHERE NOT EXISTS { MATCH (l)-[:LIMITED_BY]->(x:Limit) WHERE x.active >= x.max }
  CALL (a, l) {
    MATCH (t:Task) USING INDEX t:Task(lane, ready_key)
    WHERE t.lane = l.key AND t.ready_key >= 0
      AND NOT a.agent_id IN coalesce(t.excluded_agents, [])
    RETURN t ORDER BY t.lane, t.ready_key LIMIT $limit
  }
  WITH t ORDER BY t.ready_key LIMIT $limit
  RETURN collect({
    task: properties(t), dependencies: [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]]
  }) AS tasks
}
RETURN tasks, due
