// Records what a try has used in all, where its worker could not tell before the try ended, as when
// its task was cancelled or its lease ran out. What was not settled with its end, the budgets that
// paid for it pay now. No row means that there is nothing to pay.
// Locks: the task, then the budgets, ascending.
// mode: write
// params: $task_id: STRING, $attempt: INTEGER, $used: LIST<INTEGER>, $command_id: STRING
// returns: task_id
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = $command_id
WITH t
MATCH (t)-[r:ASSIGNED_TO]->() WHERE r.attempt = $attempt
WITH t, r, [i IN [0, 1] | CASE WHEN $used[i] > coalesce(r.used[i], 0)
                            THEN $used[i] - coalesce(r.used[i], 0) ELSE 0 END] + [0, 0] AS more
WHERE more <> [0, 0, 0, 0]
SET r.used = [i IN [0, 1] | coalesce(r.used[i], 0) + more[i]]
WITH t, r, more AS used
CALL (r, used) {
  WITH r, used WHERE r.ended_at IS NOT NULL
  UNWIND r.charged AS key
  MATCH (b:Budget {key: key})
  WITH b, used ORDER BY b.key
  SET b.lk = 0
  WITH b, used
  SET b.spent = [i IN range(0, 3) | CASE WHEN b.spent[i] + used[i] < 2305843009213693951
                                     THEN b.spent[i] + used[i] ELSE 2305843009213693951 END]
}
RETURN t.task_id AS task_id
