// Returns the results of the completed tasks of a workflow, but for those that are redone.
// mode: read
// seconds: 60
// params: $workflow_id: STRING
// returns: task_id, name, result
CYPHER 5
MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
WHERE t.workflow_id = $workflow_id AND t.status = 'completed' AND t.created_at IS NOT NULL
  AND NOT EXISTS { (t)<-[:REDOES]-(:Task) }
RETURN t.task_id AS task_id, t.name AS name, t.result AS result
ORDER BY t.workflow_id, t.status, t.created_at
