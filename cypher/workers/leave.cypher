// A worker process has ended, in good order.
// mode: write
// params: worker_id
// returns: worker_id
CYPHER 5
MATCH (w:Worker {worker_id: $worker_id})
DETACH DELETE w
RETURN $worker_id AS worker_id
