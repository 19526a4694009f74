// Returns the blocked tasks that a task waits for through others, itself among them, with what each
// depends on. It is asked where these wait for each other in a circle.
// mode: read
// seconds: 120
// params: $task_id: STRING
// returns: task_id, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL (t) {
  MATCH p = (t)-[:DEPENDS_ON*1..]->(r)
  WHERE all(e IN relationships(p) WHERE startNode(e):BlockedTask)
  WITH DISTINCT r
  RETURN collect(r) AS found
}
UNWIND [t] + found AS x
WITH DISTINCT x
RETURN x.task_id AS task_id,
       [(x)-[:DEPENDS_ON]->(d:BlockedTask) | d.task_id] AS dependencies
ORDER BY task_id
