// Returns what the dependencies of a task gave, in the order in which the task names them.
// mode: read
// params: $task_id: STRING
// returns: task_id, name, result
CYPHER 5
MATCH (:Task {task_id: $task_id})-[r:DEPENDS_ON]->(d:Task)
RETURN d.task_id AS task_id, d.name AS name, d.result AS result ORDER BY r.ordinal
