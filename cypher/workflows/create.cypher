// Creates a workflow. A workflow_id that exists fails on its constraint.
// mode: write
// params: $workflow: MAP, $close_in_seconds: FLOAT
// returns: workflow
CYPHER 5
CREATE (w:Workflow)
SET w = $workflow, w.created_at = datetime.realtime()
SET w.close_by = w.created_at + duration('PT1S') * $close_in_seconds,
    w.written_at = CASE WHEN w.writer IS NOT NULL THEN w.created_at END
RETURN INCLUDE workflows/row AS workflow
