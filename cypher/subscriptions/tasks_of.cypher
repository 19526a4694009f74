// Returns what is told elsewhere of tasks: what they are, and the results of completed ones, but for a
// result whose JSON has more than $letters characters (`left_out`). `metadata` is there only where it
// may hold a traceparent.
// mode: read
// params: $task_ids: LIST<STRING>, $letters: INTEGER
// returns: task, left_out
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
WITH t, coalesce(size(t.result) > $letters, false) AS left_out
RETURN t {.task_id, .task_type, .workflow_id, .name,
          result: CASE WHEN left_out THEN null ELSE t.result END,
          metadata: CASE WHEN t.metadata CONTAINS '"traceparent"' THEN t.metadata END} AS task,
       left_out
