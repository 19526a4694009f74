// Returns the open gates at which pending tasks wait, and the tasks, $limit pairs at most: of each
// task that which was opened first comes first.
// mode: read
// params: $ids: LIST<STRING>, $limit: INTEGER
// returns: task_id, gate, task_ids, waiting
CYPHER 5
UNWIND $ids AS id
MATCH (t:Task {task_id: id})-[:WAITS_FOR]->(g:Gate)
WHERE t.status = 'pending' AND g.status = 'open'
WITH t.task_id AS task_id, g ORDER BY task_id, g.created_at, g.gate_id LIMIT $limit
RETURN task_id, INCLUDE gates/row AS gate, [task_id] AS task_ids, 1 AS waiting
