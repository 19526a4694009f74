// Join a task to the schedule, which is locked, that it was created for.
// mode: write
// params: schedule, task_id, tick
// returns: task_id
CYPHER 5
MATCH (t:Task {task_id: $task_id})
WITH t
MATCH (s:Schedule {name: $schedule})
CREATE (t)-[:OF_SCHEDULE {tick: $tick}]->(s)
RETURN t.task_id AS task_id
