// Locks a held task whose handler creates others, before these are created. No row means that its
// try is over, so that nothing is to be created.
// Locks: the agent, the limit, the task.
// mode: write
// params: $task_id: STRING, $attempt: INTEGER, $command_id: STRING
// returns: task_id
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (a:Agent {agent_id: t.assigned_to})
SET a.lk = $command_id
WITH t
CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.lk = $command_id }
SET t.lk = $command_id
WITH t WHERE t.status IN ['assigned', 'running'] AND t.attempt = coalesce($attempt, t.attempt)
RETURN t.task_id AS task_id
