// Finds live tasks that name a workflow and are not joined to it. With $nodes it joins these, to one
// that is called by its id where there is none, and locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (t:PendingTask|AssignedTask|RunningTask)
WHERE ($nodes IS NULL OR t.task_id IN $nodes) AND t.workflow_id IS NOT NULL
  AND NOT EXISTS { MATCH (t)-[:PART_OF]->(w:Workflow) WHERE w.workflow_id = t.workflow_id }
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END |
  SET t.lk = $command_id
  MERGE (w:Workflow {workflow_id: t.workflow_id})
  ON CREATE SET w.name = t.workflow_id, w.created_at = datetime()
  MERGE (t)-[:PART_OF]->(w))
RETURN t.task_id AS node, t.workflow_id AS expected, null AS found
