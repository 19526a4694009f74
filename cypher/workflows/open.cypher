// Ends the writing of a large workflow, and opens the gate at which its first tasks wait. No row
// means that somebody else took it over.
// Locks: the workflow, the gate.
// mode: write
// params: $workflow_id: STRING, $writer: STRING, $gate_id: STRING, $by: STRING
// returns: workflow_id
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
SET w.lk = 0
WITH w WHERE w.writer = $writer OR w.writer IS NULL AND w.written_by = $writer
MATCH (g:Gate {gate_id: $gate_id})
SET g.lk = 0
REMOVE w.writer, w.written_at
SET w.written_by = $writer  // so that asking again, where the answer was lost, is no failure
WITH w, g, datetime.realtime() AS now
FOREACH (_ IN CASE WHEN g.status = 'open' THEN [1] ELSE [] END |
  SET g:Due, g.status = 'approved', g.decided_by = $by, g.decided_at = now, g.due_at = now)
RETURN w.workflow_id AS workflow_id
