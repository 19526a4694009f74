// Returns a workflow with how many of its tasks have each status. `abandoned`: it is half-written,
// and nobody has written for a minute. No row means that there is no such workflow.
// mode: read
// params: $workflow_id: STRING
// returns: workflow, counts, abandoned
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
WITH w
INCLUDE workflows/counts
RETURN INCLUDE workflows/row AS workflow, counts,
       coalesce(w.written_at < datetime() - duration('PT60S'), false) AS abandoned
