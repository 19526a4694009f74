// Lets a task begin again at the wish of a person, failed or cancelled -> pending. Retries and
// deadlines start again, agents that were excluded may try again, and the history stays. No row
// means that this was refused.
// Locks: the task.
// mode: write
// params: $task_id: STRING, $command_id: STRING
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = $command_id  // Lock, then read.
WITH t, datetime.realtime() AS now
WHERE t.status IN ['failed', 'cancelled']
INCLUDE tasks/begin_again
INCLUDE tasks/ready_again
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $command_id, type: 'retried', at: now, attempt: t.attempt,
  seq: t.events, command_id: $command_id
})
RETURN INCLUDE tasks/answer
