// A task, first, and every task that depends on it, through others too, and has not ended. Breadth
// first, each once (a pruning expansion); it does not go on from what has ended.
// mode: read
// params: task_id
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata, dependencies
// seconds: 120
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL (t) {
  MATCH p = (t)<-[:DEPENDS_ON*1..]-(x)
  WHERE all(e IN relationships(p) WHERE startNode(e).status IN ['pending', 'assigned', 'running'])
  WITH DISTINCT x
  RETURN collect(x) AS found
}
UNWIND [t] + [x IN found WHERE x <> t] AS x
RETURN
// include insights/facts
