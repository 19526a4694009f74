// Locks a held task whose handler creates others, before these are created. No row means that its
// try is over, so that nothing is to be created.
// Locks: the agent, the limit, the task.
// mode: write
// params: $task_id: STRING, $attempt: INTEGER, $command_id: STRING
// returns: task_id
CYPHER 5
INCLUDE tasks/lock_holder
RETURN t.task_id AS task_id
