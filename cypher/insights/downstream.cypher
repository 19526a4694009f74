// Returns a task, and after it every task that depends on it, also through others, and has not
// ended: the nearest $limit of them. The tasks are found breadth first, each once (a pruning
// expansion), and the search does not go on from a task that has ended, nor beyond the limit.
// mode: read
// seconds: 120
// params: $task_id: STRING, $limit: INTEGER
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata,
//   dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL (t) {  // Where the limit is reached by those that depend on it itself, no search goes on from them.
  MATCH (t)<-[:DEPENDS_ON]-(x) WHERE x.status IN ['pending', 'assigned', 'running']
  WITH x LIMIT $limit
  RETURN collect(x) AS near
}
CALL (t, near) {
  WITH t WHERE size(near) < $limit
  MATCH p = (t)<-[:DEPENDS_ON*1..]-(x)
  WHERE all(e IN relationships(p) WHERE startNode(e).status IN ['pending', 'assigned', 'running'])
  WITH DISTINCT x LIMIT $limit
  RETURN collect(x) AS far
}
UNWIND [t] + [x IN CASE WHEN size(near) < $limit THEN far ELSE near END WHERE x <> t] AS x
RETURN INCLUDE insights/facts
