// Returns a gate with the tasks that wait at it, $limit at most, and how many there are. No row
// means that there is no such gate.
// mode: read
// params: $gate_id: STRING, $limit: INTEGER
// returns: gate, task_ids, waiting
CYPHER 5
MATCH (g:Gate {gate_id: $gate_id})
CALL (g) {
  MATCH (g)<-[:WAITS_FOR]-(t:Task)
  WITH t.task_id AS task_id ORDER BY task_id LIMIT $limit
  RETURN collect(task_id) AS task_ids
}
RETURN INCLUDE gates/row AS gate, task_ids, COUNT { (g)<-[:WAITS_FOR]-() } AS waiting
