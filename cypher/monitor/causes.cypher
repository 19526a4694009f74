// Returns why some tasks failed, and for each a dependency that failed before it, if one did. The
// caller goes up level by level, since a path pattern from a blocked task to the root tries every
// path, and there may be millions.
// mode: read
// params: $task_ids: LIST<STRING>
// returns: task_id, status, error, cause
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
OPTIONAL MATCH (t)-[:DEPENDS_ON]->(d:FailedTask|CancelledTask)
RETURN t.task_id AS task_id, t.status AS status, t.error_message AS error, min(d.task_id) AS cause
