// Gives a ready task to an agent that has the skills and a free slot, pending -> assigned. No row
// means that this was refused.
// Locks: the agent, the limit, the task.
// mode: write
// params: $task_id: STRING, $agent_id: STRING, $lease_seconds: FLOAT, $command_id: STRING
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
WITH t, l, $agent_id AS chosen
INCLUDE tasks/lock_and_recheck
WITH *, [] AS paid, false AS closes
INCLUDE tasks/reserve
INCLUDE tasks/take
RETURN INCLUDE tasks/answer
