// Of some claims, each [task_id, attempt], those that hold no more, and how their tasks stand.
// mode: read
// params: claims
// returns: task_id, attempt, status
CYPHER 5
UNWIND $claims AS claim
OPTIONAL MATCH (t:Task {task_id: claim[0]})
WITH claim, t
WHERE t IS NULL OR t.attempt <> claim[1] OR NOT t.status IN ['assigned', 'running']
RETURN claim[0] AS task_id, claim[1] AS attempt, t.status AS status
