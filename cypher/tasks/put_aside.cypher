// Puts a task aside that the queue must look at and cannot: it comes due again after a pause that
// doubles from a minute to an hour, so that it holds up nobody meanwhile. The integrity check shows
// it.
// mode: write
// params: $task_id: STRING, $error: STRING
// returns: task_id
CYPHER 5
MATCH (t:Task {task_id: $task_id}) WHERE t.due_at IS NOT NULL
WITH t, CASE WHEN t:PutAsideTask THEN t.put_aside_seconds * 2 ELSE 60 END AS seconds
WITH t, CASE WHEN seconds > 3600 THEN 3600 ELSE seconds END AS seconds
SET t:PutAsideTask, t.put_aside_seconds = seconds, t.put_aside_error = $error,
    t.due_at = datetime.realtime() + duration('PT1S') * seconds
RETURN t.task_id AS task_id
