// The best ready tasks that an agent's skills cover, through the lanes that it serves: the cost
// follows its lanes, not the backlog. No row: no such agent. `due`: delayed tasks have become due
// and are to be promoted first.
// mode: read
// params: agent_id, limit
// returns: tasks, due
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
CALL () {
  OPTIONAL MATCH (x:Task) USING INDEX x:Task(due_at) WHERE x.due_at <= datetime()
  RETURN x IS NOT NULL AS due LIMIT 1
}
CALL (a) {
  MATCH (a)-[:SERVES]->(l:Lane)
  CALL (l) {
    MATCH (t:Task) USING INDEX t:Task(lane, ready_key)
    WHERE t.lane = l.key AND t.ready_key >= 0
    RETURN t ORDER BY t.lane, t.ready_key LIMIT $limit
  }
  WITH t ORDER BY t.ready_key LIMIT $limit
  RETURN collect({
    task: properties(t), dependencies: [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]]
  }) AS tasks
}
RETURN tasks, due
