// Returns up to three ids of tasks that begin like an id that does not exist, so that an error can
// suggest them.
// mode: read
// params: $beginning: STRING
// returns: task_id
CYPHER 5
MATCH (t:Task) WHERE t.task_id STARTS WITH $beginning
RETURN t.task_id AS task_id ORDER BY t.task_id LIMIT 3
