// Returns how tasks stand for which a handler waits, in the order given, with the results of those
// that are completed, as many as fit into an answer. A task that does not exist has no row.
// mode: read
// params: $task_ids: LIST<STRING>
// returns: number, task_id, status, result, error
CYPHER 5
UNWIND range(0, size($task_ids) - 1) AS number
MATCH (t:Task {task_id: $task_ids[number]})
WITH number, t ORDER BY number
WITH collect(t) AS found, collect(number) AS numbers
WITH found, numbers, [t IN found | size(coalesce(t.result, ''))] AS letters
WITH found, numbers, INCLUDE tasks/fitting AS fitting
UNWIND range(0, fitting - 1) AS place
WITH numbers[place] AS number, found[place] AS t
RETURN number, t.task_id AS task_id, t.status AS status, t.result AS result,
       t.error_message AS error
