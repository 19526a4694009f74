// failed or cancelled -> pending, as tasks/retry does it, for those of some tasks that still pass the
// filters by which they were found, once nobody can change them any more. Tasks of cancelled workflows
// stay as they are. `number`: how many this command has let begin again, also in a transaction before
// whose answer was lost.
// Locks: the workflows, the tasks, then the lanes that it opens; the first two ascending.
// mode: write
// seconds: 60
// params: $task_ids: LIST<STRING>, $from_start: BOOLEAN, $cursor_at: ZONED DATETIME,
//   $cursor_id: STRING, $statuses: LIST<STRING>, $agent_ids: LIST<STRING>,
//   $task_types: LIST<STRING>, $priorities: LIST<STRING>, $requirements: LIST<STRING>,
//   $workflow_ids: LIST<STRING>, $finished_after: ZONED DATETIME, $finished_before: ZONED DATETIME,
//   $command_id: STRING
// returns: number
CYPHER 5
CALL () {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})
  RETURN collect(t) AS found
}
CALL (found) {  // So that none is cancelled between this and the end of the transaction.
  UNWIND found AS t
  MATCH (w:Workflow {workflow_id: t.workflow_id})
  WITH DISTINCT w ORDER BY w.workflow_id
  SET w.lk = $command_id
}
CALL (found) {
  UNWIND found AS t
  WITH t ORDER BY t.task_id
  SET t.lk = $command_id
  WITH t, datetime.realtime() AS now
  WHERE t.status IN ['failed', 'cancelled'] AND INCLUDE tasks/query_rest
    AND INCLUDE workflows/open_to
  CALL (t) {
    WITH t WHERE $from_start
    INCLUDE tasks/forget
  }
  CALL (t, now) {
    INCLUDE tasks/begin_again
    SET t.unmet = INCLUDE tasks/count_unmet
    INCLUDE tasks/ready_again
    CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
      event_id: $command_id + ':' + t.task_id, type: 'retried', at: now, attempt: t.attempt,
      seq: t.events, command_id: $command_id
    })
  }
}
UNWIND $task_ids AS id
MATCH (e:TaskEvent {event_id: $command_id + ':' + id})
RETURN count(e) AS number
