// Locks tasks, and returns those to which nothing has happened since they were found: their number
// of events is still the same. A transaction that creates a dependent locks its dependencies too,
// so `needed_by` holds until the end of this one.
// Locks: the tasks, ascending.
// mode: write
// seconds: 120
// params: $rows: LIST<MAP>, $command_id: STRING
// returns: task_id, needed_by
CYPHER 5
UNWIND $rows AS row
MATCH (t:Task {task_id: row.task_id})
WITH row, t ORDER BY row.task_id
SET t.lk = $command_id
WITH row, t
WHERE t.events = row.events AND t.status IN ['completed', 'failed', 'cancelled']
RETURN t.task_id AS task_id,
       [(t)<-[:DEPENDS_ON|AWAITS|SPAWNED]-(x:Task) WHERE x.status <> 'completed'
        | x.task_id] AS needed_by
