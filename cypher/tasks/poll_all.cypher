// The best ready tasks, whoever can do them. `due`: the time of some tasks has come, and they are to
// be looked at first.
// mode: read
// params: limit
// returns: tasks, due
CYPHER 5
CALL () {
  OPTIONAL MATCH (x:Task) USING INDEX x:Task(due_at) WHERE x.due_at <= datetime()
  RETURN x IS NOT NULL AS due LIMIT 1
}
CALL () {
  MATCH (t:Task) USING INDEX t:Task(ready_key)
  WHERE t.ready_key >= 0
  WITH t ORDER BY t.ready_key LIMIT $limit
  RETURN collect({
    task: properties(t), dependencies: [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]]
  }) AS tasks
}
RETURN tasks, due
