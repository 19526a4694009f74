// Keeps what steps of handlers gave, each for the task and the try that its row names. A step that
// was kept before stays as it is. What the try has used so far (`used`) is recorded with it, so that
// budgets pay for what is kept. A row whose try is over is not among those returned.
// Locks: the tasks, ascending.
// mode: write
// params: $rows: LIST<MAP>
// returns: number
CYPHER 5
UNWIND range(0, size($rows) - 1) AS number
WITH number, $rows[number] AS row
MATCH (t:Task {task_id: row.task_id})
SET t.lk = 0
WITH number, row, t WHERE t.attempt = row.attempt AND t.status IN ['assigned', 'running']
CALL (t, row) {
  WITH t, row WHERE NOT EXISTS { (:Step {task_id: row.task_id, key: row.key}) }
  INCLUDE tasks/add_step
}
CALL (t, row) {
  WITH t, row WHERE row.used IS NOT NULL
  MATCH (t)-[r:ASSIGNED_TO]->() WHERE r.attempt = t.attempt
  SET r.used = row.used
}
RETURN number
