// Finds agents whose active_tasks is not the number of tasks that they hold. With $nodes it puts
// these right, and locks them first. It reads all agents, by design.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (a:Agent) WHERE $nodes IS NULL OR a.agent_id IN $nodes
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET a.lk = $command_id)
WITH a
CALL (a) {
  MATCH (t:Task) USING INDEX SEEK t:Task(assigned_to, status, created_at)
  WHERE t.assigned_to = a.agent_id AND t.status IN ['assigned', 'running']
    AND t.created_at IS NOT NULL
  RETURN count(t) AS held
}
WITH a, held, a.active_tasks AS found WHERE found <> held
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET a.active_tasks = held)
RETURN a.agent_id AS node, held AS expected, found
