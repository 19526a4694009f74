// One task.
// mode: read
// params: task_id
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
RETURN properties(t) AS task, [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]] AS dependencies
