// Returns what already stands in the way of creating tasks, those dependencies and lanes that exist,
// and the currency in which budgets count money.
// mode: read
// params: $task_ids: LIST<STRING>, $idempotency_keys: LIST<STRING>, $dependency_ids: LIST<STRING>,
//   $lanes: LIST<STRING>, $gate_ids: LIST<STRING>, $workflow_ids: LIST<STRING>
// returns: existing, dependencies, lanes, gates, workflows, currency
CYPHER 5
CALL () {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})
  RETURN collect([t.task_id, t.idempotency_key, t.fingerprint]) AS by_id
}
CALL () {
  UNWIND $idempotency_keys AS key
  MATCH (t:Task {idempotency_key: key})
  RETURN collect([t.task_id, t.idempotency_key, t.fingerprint]) AS by_key
}
CALL () {
  UNWIND $dependency_ids AS id
  MATCH (t:Task {task_id: id})
  RETURN collect(t.task_id) AS dependencies
}
CALL () {
  UNWIND $lanes AS key
  MATCH (l:Lane {key: key})
  RETURN collect(l.key) AS lanes
}
CALL () {
  UNWIND $gate_ids AS id
  MATCH (g:Gate {gate_id: id})
  RETURN collect(g.gate_id) AS gates
}
CALL () {
  UNWIND $workflow_ids AS id
  MATCH (w:Workflow {workflow_id: id})
  RETURN collect([w.workflow_id, w.cancelled_at IS NOT NULL, w.charges IS NOT NULL]) AS workflows
}
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
RETURN by_id + by_key AS existing, dependencies, lanes, gates, workflows, s.currency AS currency
