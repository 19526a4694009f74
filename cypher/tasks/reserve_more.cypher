// Reserves more for the try that holds a task, in each budget that pays for it, where all have so much
// left; `short` are those that have not. No row means that the try is over.
// Locks: the task, then the budgets, ascending.
// mode: write
// params: $task_id: STRING, $attempt: INTEGER, $amounts: LIST<INTEGER>, $command_id: STRING
// returns: short
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = $command_id
WITH t WHERE t.status IN ['assigned', 'running'] AND t.attempt = $attempt
MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt
CALL (r) {
  UNWIND r.charged AS key
  MATCH (b:Budget {key: key})
  WITH b ORDER BY b.key
  SET b.lk = 0
  WITH b, any(i IN range(0, 3) WHERE $amounts[i] > 0
    AND b.spent[i] + b.held[i] + $amounts[i] > b.most[i]) AS is_short
  RETURN collect(b) AS budgets, collect(CASE WHEN is_short THEN b.key END) AS short
}
CALL (r, budgets, short) {
  // The same call may come twice, where its answer was lost.
  WITH r, budgets WHERE short = [] AND budgets <> [] AND coalesce(r.reserve_id <> $command_id, true)
  SET r.held = [i IN range(0, 3) | r.held[i] + $amounts[i]], r.reserve_id = $command_id
  FOREACH (b IN budgets | SET b.held = [i IN range(0, 3) | b.held[i] + $amounts[i]])
}
RETURN short
