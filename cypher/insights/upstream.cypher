// Returns a task, and after it every task that it depends on, also through others. The tasks are
// found breadth first, each once (a pruning expansion).
// mode: read
// seconds: 120
// params: $task_id: STRING
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata,
//   dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL (t) {
  MATCH (t)-[:DEPENDS_ON*1..]->(x)
  WITH DISTINCT x
  RETURN collect(x) AS found
}
UNWIND [t] + [x IN found WHERE x <> t] AS x
RETURN INCLUDE insights/facts
