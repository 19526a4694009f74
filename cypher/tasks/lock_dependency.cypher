// Locks what tasks/add_dependency reads. The record of the schema is locked first: two edges that
// close a cycle together can have no task in common, so only one is added at a time.
// Locks: the record of the schema, then both tasks, ascending.
// mode: write
// params: $task_ids: LIST<STRING>, $command_id: STRING
// returns: task_id, status, on_dependency_failure
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
SET s.lk = $command_id
WITH s
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
SET t.lk = $command_id
WITH t WHERE t.status IS NOT NULL  // It may have been deleted meanwhile.
RETURN t.task_id AS task_id, t.status AS status,
       t.on_dependency_failure AS on_dependency_failure
