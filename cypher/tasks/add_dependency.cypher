// Let a pending task wait for another. Both are locked. An edge that is there already stays alone.
// mode: write
// params: task_id, depends_on, command_id
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
    detail: '{"depends_on":"' + d.task_id + '"}'
  })
  WITH t, d WHERE d.status <> 'completed'
  REMOVE t:DelayedTask
  SET t.unmet = t.unmet + 1
  WITH t, datetime.realtime() AS now
  // include tasks/ready_again
}
RETURN
// include tasks/answer
