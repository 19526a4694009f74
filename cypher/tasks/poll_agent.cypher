// Returns the best ready tasks that the skills of an agent cover: tasks/best. No row means that
// there is no such agent. `due` says that the time of some tasks has come, and that these are to be
// looked at first; `lanes_seen`, how many open lanes the agent serves.
// mode: read
// params: $agent_id: STRING, $task_types: LIST<STRING>, $limit: INTEGER
// returns: tasks, edges, left, due, lanes_seen
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
WITH a, $task_types AS task_types
INCLUDE tasks/is_due
INCLUDE pauses/paused
INCLUDE tasks/best
WITH *, best AS answered
INCLUDE tasks/answers
RETURN tasks, edges, left, due, lanes_seen
