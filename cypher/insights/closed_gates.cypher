// Returns the gates that are not open to a task, or to those that it waits for, $limit at most, each
// with one task that waits at it, and its name. The search goes as that of insights/why_blocked.
// mode: read
// seconds: 120
// params: $task_id: STRING, $limit: INTEGER
// returns: gate, task_ids, name
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL (t) {
  MATCH p = (t)-[:DEPENDS_ON|AWAITS*1..]->(r)
  WHERE all(e IN relationships(p) WHERE startNode(e):BlockedTask)
  WITH DISTINCT r WHERE r:BlockedTask
  RETURN collect(r) AS blocked
}
UNWIND [t] + blocked AS b
MATCH (b)-[w:WAITS_FOR]->(x:Gate) WHERE INCLUDE gates/closed
WITH x AS g, b ORDER BY b.task_id
WITH g, head(collect(b)) AS first ORDER BY g.created_at LIMIT $limit
RETURN INCLUDE gates/row AS gate, [first.task_id] AS task_ids, first.name AS name
