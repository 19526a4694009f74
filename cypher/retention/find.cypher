// Tasks that finished before a place, the latest first: who waited for a task mostly finished after
// it, and goes before it. `needed_by`: the tasks that depend on it and may still run.
// The place is a text: a time that went to a client and back is not equal to what it was.
// mode: read
// params: statuses, place_at, place_id, limit
// returns: task_id, events, letters, needed_by, finished_at
// seconds: 120
CYPHER 5
MATCH (t:Task) USING INDEX SEEK t:Task(completed_at)
WHERE t.completed_at <= datetime($place_at)
  AND (t.completed_at < datetime($place_at) OR t.task_id < $place_id)
  AND t.status IN $statuses
WITH t ORDER BY t.completed_at DESC, t.task_id DESC LIMIT $limit
RETURN t.task_id AS task_id, t.events AS events,
// include tasks/letters
       AS letters,
       [(t)<-[:DEPENDS_ON]-(x:Task) WHERE x.status <> 'completed' | x.task_id] AS needed_by,
       toString(t.completed_at) AS finished_at
