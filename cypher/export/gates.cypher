// Returns the gates at which some tasks wait, or waited.
// mode: read
// seconds: 120
// params: $task_ids: LIST<STRING>
// returns: task_id, gates
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
WHERE EXISTS { (t)-[:WAITS_FOR]->(:Gate) }
RETURN t.task_id AS task_id,
       COLLECT { MATCH (t)-[:WAITS_FOR]->(g:Gate) RETURN INCLUDE gates/row } AS gates
