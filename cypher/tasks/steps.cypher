// Returns the steps that were kept of a task after a place, in the order of their keys, as many as
// fit into an answer: `left` says whether there may be more. `restarts` says how often the task was
// retried from its start.
// mode: read
// params: $task_id: STRING, $after: STRING, $limit: INTEGER
// returns: steps, left, restarts
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL () {
  MATCH (s:Step) USING INDEX SEEK s:Step(task_id, key)
  WHERE s.task_id = $task_id AND s.key > $after
  WITH s ORDER BY s.task_id, s.key LIMIT $limit
  RETURN collect(s) AS found
}
WITH t, found, [s IN found | size(coalesce(s.result, ''))] AS letters
WITH t, found, INCLUDE tasks/fitting AS fitting
RETURN [s IN found[..fitting] | s {
    .key, .result, .duration_ms, .attempt,
    at: s.at.epochSeconds * 1000000 + s.at.microsecond
  }] AS steps,
  fitting < size(found) OR size(found) = $limit AS left, coalesce(t.restarts, 0) AS restarts
