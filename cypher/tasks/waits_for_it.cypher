// Returns one of some tasks that waits for a given task, at once or through others. The record of the
// schema is locked first, as tasks/lock_dependency does, so that no edge closes a cycle meanwhile.
// mode: write
// params: $task_id: STRING, $task_ids: LIST<STRING>, $command_id: STRING
// returns: task_id
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
SET s.lk = $command_id
WITH s
MATCH (:Task {task_id: $task_id})<-[:DEPENDS_ON|AWAITS*1..]-(x:Task)
WITH DISTINCT x WHERE x.task_id IN $task_ids
RETURN x.task_id AS task_id LIMIT 1
