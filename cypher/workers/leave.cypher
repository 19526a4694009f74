// Forgets a worker process that has ended in good order.
// mode: write
// params: $worker_id: STRING
// returns: worker_id
CYPHER 5
MATCH (w:Worker {worker_id: $worker_id})
DETACH DELETE w
RETURN $worker_id AS worker_id
