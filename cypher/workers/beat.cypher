// Records that a worker process lives, and which types of tasks it handles; null stands for all.
// mode: write
// params: $worker_id: STRING, $agent_id: STRING, $hostname: STRING, $pid: INTEGER,
//   $concurrency: INTEGER, $beat_seconds: FLOAT, $task_types: LIST<STRING>
// returns: worker_id
CYPHER 5
MERGE (w:Worker {worker_id: $worker_id})
ON CREATE SET w.started_at = datetime()
SET w.agent_id = $agent_id,
    w.hostname = $hostname,
    w.pid = $pid,
    w.concurrency = $concurrency,
    w.beat_seconds = $beat_seconds,
    w.task_types = $task_types,
    w.last_seen_at = datetime()
WITH w
CALL (w) {
  MATCH (a:Agent {agent_id: $agent_id})
  MERGE (w)-[:WORKS_AS]->(a)
}
RETURN w.worker_id AS worker_id
