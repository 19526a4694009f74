// Records the schemas (JSON) of what a worker process takes and gives, and how many slots it has of its
// own; null: it shares those of its agent.
// Locks: the agent, where it has slots of its own.
// mode: write
// params: $worker_id: STRING, $slots: INTEGER, $schemas: STRING
// returns: worker_id
CYPHER 5
MATCH (w:Worker {worker_id: $worker_id})
SET w.slots = $slots, w.schemas = $schemas
WITH w
CALL (w) {
  MATCH (a:Agent {agent_id: w.agent_id}) WHERE $slots IS NOT NULL
  SET a.lk = $worker_id
  WITH a
  INCLUDE workers/slots
}
RETURN w.worker_id AS worker_id
