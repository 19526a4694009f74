// The best ready tasks that an agent's skills cover, see tasks/best. No row: no such agent.
// `due`: the time of some tasks has come, and they are to be looked at first. `lanes_seen`: how many
// lanes it serves that are open.
// mode: read
// params: agent_id, task_types, limit
// returns: tasks, edges, left, due, lanes_seen
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
WITH a, $task_types AS task_types
// include tasks/is_due
// include tasks/best
WITH *, best AS answered
// include tasks/answers
RETURN tasks, edges, left, due, lanes_seen
