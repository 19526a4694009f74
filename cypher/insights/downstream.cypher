// Returns a task, and after it every task that depends on it, also through others, and has not
// ended. The tasks are found breadth first, each once (a pruning expansion), and the search does
// not go on from a task that has ended.
// mode: read
// seconds: 120
// params: $task_id: STRING
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata,
//   dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL (t) {
  MATCH p = (t)<-[:DEPENDS_ON*1..]-(x)
  WHERE all(e IN relationships(p) WHERE startNode(e).status IN ['pending', 'assigned', 'running'])
  WITH DISTINCT x
  RETURN collect(x) AS found
}
UNWIND [t] + [x IN found WHERE x <> t] AS x
RETURN INCLUDE insights/facts
