// Every blocked task, and what it depends on. As many as wait now: none of the history. One question
// for all that depends on many tasks at once, for which the expansion from each would go over the
// same ground again and again.
// mode: read
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata, dependencies
// seconds: 120
CYPHER 5
MATCH (x:BlockedTask)
RETURN
// include insights/facts
