// Lock tasks, ascending, and look again: those to which nothing has happened since they were found,
// whose number of events is still the same. Whoever creates a dependent locks its dependency too, so
// `needed_by` holds until the end of the transaction.
// mode: write
// params: rows, command_id
// returns: task_id, needed_by
// seconds: 120
CYPHER 5
UNWIND $rows AS row
MATCH (t:Task {task_id: row.task_id})
WITH row, t ORDER BY row.task_id
SET t.lk = $command_id
WITH row, t
WHERE t.events = row.events AND t.status IN ['completed', 'failed', 'cancelled']
RETURN t.task_id AS task_id,
       [(t)<-[:DEPENDS_ON]-(x:Task) WHERE x.status <> 'completed' | x.task_id] AS needed_by
