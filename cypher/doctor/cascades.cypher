// A task that failed or was cancelled is due while tasks wait that are to be cancelled with it.
// mode: write
// seconds: 3600
// params: nodes, command_id
// returns: node, expected, found
CYPHER 5
MATCH (t:BlockedTask)-[:DEPENDS_ON]->(d:Task)
WHERE t.on_dependency_failure = 'cancel' AND d.status IN ['failed', 'cancelled']
  AND d.due_at IS NULL AND ($nodes IS NULL OR d.task_id IN $nodes)
WITH DISTINCT d
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END |
  SET d.lk = $command_id, d.due_at = datetime())
RETURN d.task_id AS node, 'due' AS expected, null AS found
