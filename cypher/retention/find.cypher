// Returns tasks that finished before a place, the latest first: a task that waited for another
// mostly finished after it, and so goes before it. `needed_by` holds the tasks that depend on it
// and may still run. The place is a text: a time that went to a client and back is not equal to
// what it was. `is_unread`: it has events after $read_to in the log.
// mode: read
// seconds: 120
// params: $statuses: LIST<STRING>, $place_at: STRING, $place_id: STRING, $limit: INTEGER,
//   $read_to: INTEGER
// returns: task_id, events, letters, needed_by, finished_at, is_unread
CYPHER 5
MATCH (t:Task) USING INDEX SEEK t:Task(completed_at)
WHERE t.completed_at <= datetime($place_at)
  AND CASE WHEN t.completed_at < datetime($place_at) THEN true ELSE t.task_id < $place_id END
  AND t.status IN $statuses
WITH t ORDER BY t.completed_at DESC, t.task_id DESC LIMIT $limit
RETURN t.task_id AS task_id, t.events AS events, INCLUDE tasks/letters AS letters,
       [(t)<-[:DEPENDS_ON|AWAITS|SPAWNED]-(x:Task) WHERE x.status <> 'completed'
        | x.task_id] AS needed_by,
       toString(t.completed_at) AS finished_at,
       CASE WHEN $read_to IS NULL THEN false ELSE EXISTS {
         MATCH (t)-[:HAS_EVENT]->(e:TaskEvent) WHERE coalesce(e.position > $read_to, true)
       } END AS is_unread
