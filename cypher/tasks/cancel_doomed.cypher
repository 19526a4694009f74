// Cancels tasks, pending -> cancelled, that were just created or joined to a dependency that had
// failed or was cancelled before, or to a gate that was not open to them.
// Locks: the tasks, in the order in which they come.
// mode: write
// params: $task_ids: LIST<STRING>, $command_id: STRING
// returns: task_id, cascade
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
SET t.lk = $command_id
WITH t, datetime.realtime() AS now
WHERE t.status = 'pending'
OPTIONAL MATCH (t)-[:DEPENDS_ON]->(c:Task) WHERE c.status IN ['failed', 'cancelled']
WITH t, now, min(c.task_id) AS dependency
OPTIONAL MATCH (t)-[w:WAITS_FOR]->(g:Gate)
  WHERE w.key IS NULL AND g.status IN ['rejected', 'expired', 'sent_back']
WITH t, now, dependency, min(g.gate_id) AS gate
WITH t, now, coalesce(dependency, gate) AS cause, coalesce(
  'dependency ' + dependency + ' failed or was cancelled',
  'gate ' + gate + ' was rejected or has expired') AS why
WHERE cause IS NOT NULL
INCLUDE tasks/give_up
WITH t, now
INCLUDE tasks/owes
RETURN t.task_id AS task_id, t.due_at IS NOT NULL AS cascade
