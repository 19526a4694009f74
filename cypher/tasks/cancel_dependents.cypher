// pending -> cancelled for the direct dependents of tasks that failed or were cancelled, where they
// ask for it. The caller goes on with the rows returned until there are none: a task is locked
// before its dependents are read, so one that is created meanwhile is not missed.
// mode: write
// params: task_ids, command_id
// returns: task_id
CYPHER 5
UNWIND $task_ids AS id
MATCH (c:Task {task_id: id})<-[:DEPENDS_ON]-(t:Task {on_dependency_failure: 'cancel'})
WITH t, min(id) AS cause ORDER BY t.task_id
SET t.lk = $command_id
WITH t, cause, datetime.realtime() AS now
WHERE t.status = 'pending'
// include tasks/give_up
