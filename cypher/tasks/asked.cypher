// Returns the gates at which the handler of a task asked for a decision, each with the key of the
// place in the handler.
// mode: read
// params: $task_id: STRING
// returns: key, gate, task_ids
CYPHER 5
MATCH (t:Task {task_id: $task_id})-[w:WAITS_FOR]->(g:Gate) WHERE w.key IS NOT NULL
RETURN w.key AS key, INCLUDE gates/row AS gate, [t.task_id] AS task_ids
