// Finds workflows whose start was broken off an hour ago or longer: nobody is given their tasks. With
// $nodes it cancels these, which whoever looks next goes on with, and locks them first. The next
// start with the same id does it too, and begins again.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (w:Workflow)
WHERE ($nodes IS NULL OR w.workflow_id IN $nodes) AND w.writer IS NOT NULL
  AND w.written_at < datetime() - duration('PT1H')
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END |
  SET w.lk = $command_id, w:Due:Cancelling, w.cancelled_at = datetime(), w.due_at = datetime(),
      w.reason = 'its start was broken off'
  REMOVE w.writer)
WITH w
CALL (w) {
  MATCH (g:Gate {gate_id: w.gate_id}) WHERE $nodes IS NOT NULL AND g.status = 'open'
  SET g.status = 'rejected', g.decided_by = 'doctor', g.decided_at = datetime()
}
RETURN w.workflow_id AS node, 'all of its tasks written' AS expected,
       'its start was broken off at ' + toString(w.written_at) AS found
