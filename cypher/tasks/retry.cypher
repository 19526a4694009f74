// Lets a task begin again at the wish of a person, failed or cancelled -> pending. Retries and
// deadlines start again, agents that were excluded may try again, and the history stays. Where
// $from_start, the steps that its handler kept are forgotten, and what it asked people. No row means
// that this was refused.
// Locks: the task.
// mode: write
// params: $task_id: STRING, $from_start: BOOLEAN, $command_id: STRING
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = $command_id  // Lock, then read.
WITH t, datetime.realtime() AS now
WHERE t.status IN ['failed', 'cancelled'] AND INCLUDE workflows/open_to
CALL (t) {
  WITH t WHERE $from_start
  INCLUDE tasks/forget
}
INCLUDE tasks/begin_again
SET t.unmet = INCLUDE tasks/count_unmet
INCLUDE tasks/ready_again
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $command_id, type: 'retried', at: now, attempt: t.attempt,
  seq: t.events, command_id: $command_id
})
RETURN INCLUDE tasks/answer
