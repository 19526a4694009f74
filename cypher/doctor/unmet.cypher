// Finds pending tasks whose unmet is not the number of the dependencies and gates that hold them back.
// With $nodes it puts these right, and locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (t:PendingTask) WHERE $nodes IS NULL OR t.task_id IN $nodes
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET t.lk = $command_id)
WITH t
WITH t, t.unmet AS found, INCLUDE tasks/count_unmet AS unmet
WHERE found <> unmet AND NOT EXISTS {  // Else tasks/release_dependents will count it.
  MATCH (t)-[:DEPENDS_ON|AWAITS]->(d:Task) WHERE d.status = 'completed' AND d.due_at IS NOT NULL
} AND NOT EXISTS {  // see tasks/cancel_dependents
  MATCH (t)-[:AWAITS]->(d:FailedTask|CancelledTask) WHERE d.due_at IS NOT NULL
} AND NOT EXISTS {  // see gates/release
  MATCH (t)-[:WAITS_FOR]->(d:Gate) WHERE d.status <> 'open' AND d.due_at IS NOT NULL
}
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET t.unmet = unmet)
RETURN t.task_id AS node, unmet AS expected, found
