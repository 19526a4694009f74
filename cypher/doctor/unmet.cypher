// A live task's unmet against its dependencies that are not completed.
// mode: write
// seconds: 3600
// params: repair, command_id
// returns: node, expected, found
CYPHER 5
MATCH (t:PendingTask)
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END | SET t.lk = $command_id)
WITH t
WITH t, t.unmet AS found,
     COUNT { MATCH (t)-[:DEPENDS_ON]->(d:Task) WHERE d.status <> 'completed' } AS unmet
WHERE found <> unmet
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END | SET t.unmet = unmet)
RETURN t.task_id AS node, unmet AS expected, found
