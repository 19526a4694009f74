// Puts off a gate, a workflow or a pause that is due and cannot be looked at, so that it holds up nobody.
// mode: write
// params: $id: STRING
// returns: id
CYPHER 5
MATCH (d:Due) USING INDEX SEEK d:Due(due_at)
WHERE d.due_at <= datetime() AND coalesce(d.gate_id, d.workflow_id, d.key) = $id
SET d.due_at = datetime.realtime() + duration('PT60S')
RETURN $id AS id
