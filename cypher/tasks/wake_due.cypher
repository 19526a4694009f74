// Returns what the queue must look at now, that which waited longest first: live tasks; and tasks
// that have ended, and whose dependents are still to be cancelled (`broken`) or released
// (`completed`); gates that expire, or at which tasks still wait though they are decided; workflows
// whose tasks are still to be cancelled; pauses that withhold tasks, or have ended.
// mode: read
// params: $limit: INTEGER
// returns: live, broken, completed, gates, workflows, pauses
CYPHER 5
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(due_at)
  WHERE t.due_at <= datetime() AND t.status IN ['pending', 'assigned', 'running']
  WITH t ORDER BY t.due_at LIMIT $limit
  RETURN collect(t.task_id) AS live
}
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(due_at)
  WHERE t.due_at <= datetime() AND t.status IN ['completed', 'failed', 'cancelled']
  WITH t ORDER BY t.due_at LIMIT $limit
  RETURN collect(t) AS ended
}
CALL () {
  MATCH (d:Due) USING INDEX SEEK d:Due(due_at) WHERE d.due_at <= datetime()
  WITH d ORDER BY d.due_at LIMIT $limit
  RETURN collect(d) AS others
}
RETURN live, [t IN ended WHERE t.status <> 'completed' | t.task_id] AS broken,
       [t IN ended WHERE t.status = 'completed' | t.task_id] AS completed,
       [d IN others WHERE d:Gate | d.gate_id] AS gates,
       [d IN others WHERE d:Workflow | d.workflow_id] AS workflows,
       [d IN others WHERE d:Pause | d.key] AS pauses
