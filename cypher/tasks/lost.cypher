// Returns those of some claims that hold no more, and how their tasks stand.
// mode: read
// params: $rows: LIST<MAP>
// returns: task_id, attempt, status
CYPHER 5
UNWIND $rows AS row
OPTIONAL MATCH (t:Task {task_id: row.task_id})
WITH row, t
WHERE t IS NULL OR t.attempt <> row.attempt OR NOT t.status IN ['assigned', 'running']
RETURN row.task_id AS task_id, row.attempt AS attempt, t.status AS status
