// Returns the audit trail of one task, in the order in which it happened.
// mode: read
// params: $task_id: STRING
// returns: event
CYPHER 5
MATCH (:Task {task_id: $task_id})-[:HAS_EVENT]->(e:TaskEvent)
WITH e ORDER BY e.seq
RETURN INCLUDE events/row AS event
