// Task ids that begin like one that is not there.
// mode: read
// params: beginning
// returns: task_id
CYPHER 5
MATCH (t:Task) WHERE t.task_id STARTS WITH $beginning
RETURN t.task_id AS task_id ORDER BY t.task_id LIMIT 3
