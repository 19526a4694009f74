// Tasks by their ids, those that exist.
// mode: read
// params: task_ids
// returns: task, dependencies
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
RETURN properties(t) AS task, [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]] AS dependencies
