// Joins a task to the schedule that it was created for, which the caller has locked.
// mode: write
// params: $schedule: STRING, $task_id: STRING, $tick: ZONED DATETIME
// returns: task_id
CYPHER 5
MATCH (t:Task {task_id: $task_id})
WITH t
MATCH (s:Schedule {name: $schedule})
CREATE (t)-[:OF_SCHEDULE {tick: $tick}]->(s)
RETURN t.task_id AS task_id
