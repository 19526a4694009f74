// pending, assigned or running -> cancelled, for those of some tasks that still pass the filters by
// which they were found, once nobody can change them any more. `number`: how many this command has
// cancelled, also in a transaction before whose answer was lost; `ended`: these, each as [task_id,
// attempt]; `owing`: those of them that have dependents to be cancelled.
// Locks: the agents, the limits, the tasks; each kind ascending.
// mode: write
// seconds: 60
// params: $task_ids: LIST<STRING>, $reason: STRING, $detail: STRING, $cursor_at: ZONED DATETIME,
//   $cursor_id: STRING, $statuses: LIST<STRING>, $agent_ids: LIST<STRING>,
//   $task_types: LIST<STRING>, $priorities: LIST<STRING>, $requirements: LIST<STRING>,
//   $workflow_ids: LIST<STRING>, $finished_after: ZONED DATETIME, $finished_before: ZONED DATETIME,
//   $command_id: STRING
// returns: number, ended, owing
CYPHER 5
CALL () {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})
  RETURN collect(t) AS found
}
INCLUDE tasks/lock_holders
CALL (found) {
  UNWIND found AS t
  WITH t ORDER BY t.task_id
  SET t.lk = $command_id
  WITH t, datetime.realtime() AS now
  WHERE t.status IN ['pending', 'assigned', 'running'] AND INCLUDE tasks/query_rest
  OPTIONAL MATCH (t)-[r:ASSIGNED_TO]->(a:Agent) WHERE r.attempt = t.attempt AND r.ended_at IS NULL
  WITH t, a, r, now, $command_id + ':' + t.task_id AS event_id, $reason AS why, $detail AS detail,
       null AS reason
  INCLUDE tasks/cancelled
}
CALL () {
  UNWIND $task_ids AS id
  MATCH (e:TaskEvent {event_id: $command_id + ':' + id})
  MATCH (t:Task {task_id: id})
  RETURN collect([t.task_id, t.attempt]) AS ended,
         collect(CASE WHEN t.status = 'cancelled' AND t.due_at IS NOT NULL THEN t.task_id END) AS owing
}
RETURN size(ended) AS number, ended, owing
