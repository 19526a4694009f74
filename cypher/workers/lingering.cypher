// Records how many places of a worker process are taken by handlers whose tasks are no longer its
// own.
// mode: write
// params: $worker_id: STRING, $lingering: INTEGER
// returns: worker_id
CYPHER 5
MATCH (w:Worker {worker_id: $worker_id})
SET w.lingering = $lingering
RETURN w.worker_id AS worker_id
