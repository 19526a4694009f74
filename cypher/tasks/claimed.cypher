// Returns what a claim was given, where its answer was lost: the events that bear its id, and the
// tasks. `holds` says whether that try still holds the task.
// mode: read
// params: $event_ids: LIST<STRING>
// returns: type, agent_id, task_id, attempt, holds, task, dependencies
CYPHER 5
UNWIND range(0, size($event_ids) - 1) AS place
MATCH (t:Task)-[:HAS_EVENT]->(e:TaskEvent {event_id: $event_ids[place]})
WITH t, e, place ORDER BY place
RETURN e.type AS type, e.agent_id AS agent_id, t.task_id AS task_id, e.attempt AS attempt,
       t.attempt = e.attempt AND t.status IN ['assigned', 'running'] AS holds, INCLUDE tasks/answer
