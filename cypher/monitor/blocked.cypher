// Tasks that a failed or cancelled dependency blocks, by the root: the failed task at the end of
// the chain. Of the blocked tasks at most $look are looked at, and none of the history.
// mode: read
// params: look
// returns: root, status, error, blocked, first
CYPHER 5
MATCH (b:BlockedTask)
WITH b LIMIT $look
MATCH (b)-[:DEPENDS_ON]->(f:FailedTask|CancelledTask)
WITH f, count(DISTINCT b) AS blocked, min(b.task_id) AS first
CALL (f) {
  MATCH ANY SHORTEST (f)(()-[:DEPENDS_ON]->(:FailedTask|CancelledTask)){0, 50}(r)
  WHERE NOT EXISTS { (r)-[:DEPENDS_ON]->(:FailedTask|CancelledTask) }
  RETURN r ORDER BY r.task_id LIMIT 1
}
RETURN r.task_id AS root, r.status AS status, r.error_message AS error, sum(blocked) AS blocked,
       min(first) AS first
ORDER BY blocked DESC, root
