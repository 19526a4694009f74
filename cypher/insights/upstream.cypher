// A task, first, and every task that it depends on, through others too. Breadth first, each once (a
// pruning expansion).
// mode: read
// params: task_id
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata, dependencies
// seconds: 120
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL (t) {
  MATCH (t)-[:DEPENDS_ON*1..]->(x)
  WITH DISTINCT x
  RETURN collect(x) AS found
}
UNWIND [t] + [x IN found WHERE x <> t] AS x
RETURN
// include insights/facts
