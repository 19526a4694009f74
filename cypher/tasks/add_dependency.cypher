// Lets a pending task wait for another, after tasks/lock_dependency has locked both. Where the edge
// is there already, nothing changes. No row means that the task is not pending.
// mode: write
// params: $task_id: STRING, $depends_on: STRING, $detail: STRING, $command_id: STRING
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id}) WHERE t.status = 'pending'
MATCH (d:Task {task_id: $depends_on})
CALL (t, d) {
  WITH t, d WHERE NOT EXISTS { (t)-[:DEPENDS_ON]->(d) }
  CREATE (t)-[:DEPENDS_ON {ordinal: COUNT { (t)-[:DEPENDS_ON]->() }}]->(d)
  SET t.events = t.events + 1
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: $command_id, type: 'dependency_added', at: datetime.realtime(),
    attempt: t.attempt, seq: t.events, command_id: $command_id,
    detail: $detail
  })
  // Where it is completed, who worked on it may have to be excluded: see tasks/ready.
  WITH t, d WHERE d.status <> 'completed' OR t.independent_of IS NOT NULL
  REMOVE t:DelayedTask
  SET t.unmet = t.unmet + CASE d.status WHEN 'completed' THEN 0 ELSE 1 END
  WITH t, datetime.realtime() AS now
  INCLUDE tasks/ready_again
}
RETURN INCLUDE tasks/answer
