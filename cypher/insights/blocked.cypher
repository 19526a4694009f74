// Returns every blocked task, with what it depends on: as many as wait now, and none of the
// history. Where the question is about many tasks at once, this answers it with one read, while an
// expansion from each of them would go over the same ground again and again.
// mode: read
// seconds: 120
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata,
//   dependencies
CYPHER 5
MATCH (x:BlockedTask)
RETURN INCLUDE insights/facts
