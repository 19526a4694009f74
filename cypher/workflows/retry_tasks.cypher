// failed or cancelled -> pending, for $limit tasks of a workflow, as tasks/retry does it. Where
// $from_start, what their handlers have kept is forgotten.
// Locks: the tasks, ascending.
// mode: write
// seconds: 60
// params: $workflow_id: STRING, $limit: INTEGER, $from_start: BOOLEAN, $command_id: STRING
// returns: number
CYPHER 5
UNWIND ['failed', 'cancelled'] AS status
CALL (status) {
  MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
  WHERE t.workflow_id = $workflow_id AND t.status = status AND t.created_at IS NOT NULL
  RETURN t LIMIT $limit
}
WITH t ORDER BY t.task_id LIMIT $limit
SET t.lk = $command_id
WITH t, datetime.realtime() AS now WHERE t.status IN ['failed', 'cancelled']
CALL (t, now) {
  CALL (t) {
    WITH t WHERE $from_start
    INCLUDE tasks/forget
  }
  INCLUDE tasks/begin_again
  SET t.unmet = INCLUDE tasks/count_unmet
  INCLUDE tasks/ready_again
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: $command_id + ':' + t.task_id, type: 'retried', at: now, attempt: t.attempt,
    seq: t.events, command_id: $command_id
  })
}
RETURN count(t) AS number
