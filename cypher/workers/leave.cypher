// Forgets a worker process that has ended in good order; its agent loses the slots that it had of its
// own, unless it was the last.
// Locks: the agent, where it had slots of its own.
// mode: write
// params: $worker_id: STRING
// returns: worker_id
CYPHER 5
MATCH (w:Worker {worker_id: $worker_id})
WITH w, w.agent_id AS agent_id, w.slots IS NOT NULL AS had_own
DETACH DELETE w
WITH agent_id, had_own
CALL (agent_id, had_own) {
  MATCH (a:Agent {agent_id: agent_id}) WHERE had_own
  SET a.lk = $worker_id
  WITH a
  INCLUDE workers/slots
}
RETURN $worker_id AS worker_id
