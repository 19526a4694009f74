// pending -> cancelled for tasks that were just created or joined to a dependency that had failed.
// mode: write
// params: task_ids, command_id
// returns: task_id, cascade
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
SET t.lk = $command_id
WITH t, datetime.realtime() AS now
WHERE t.status = 'pending'
MATCH (t)-[:DEPENDS_ON]->(c:Task) WHERE c.status IN ['failed', 'cancelled']
WITH t, now, min(c.task_id) AS cause
// include tasks/give_up
WITH t, now
// include tasks/owes
RETURN t.task_id AS task_id, t.due_at IS NOT NULL AS cascade
