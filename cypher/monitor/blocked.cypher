// Returns the failed or cancelled tasks that block others, and how many each blocks. It looks at no
// more than $look of the blocked tasks, and at none of the history.
// mode: read
// params: $look: INTEGER
// returns: task_id, blocked, first
CYPHER 5
MATCH (b:BlockedTask)
WITH b LIMIT $look
MATCH (b)-[:DEPENDS_ON]->(f:FailedTask|CancelledTask)
RETURN f.task_id AS task_id, count(DISTINCT b) AS blocked, min(b.task_id) AS first
ORDER BY task_id
