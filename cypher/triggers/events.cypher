// Returns events of some types between two places in the log, in its order, as triggers look at them;
// the skills of their tasks, the teams of their agents and their fields only where these are asked for. Times are
// microseconds since 1970, and none is later than now.
// mode: read
// params: $after: INTEGER, $upto: INTEGER, $types: LIST<STRING>, $with_skills: BOOLEAN,
//   $with_teams: BOOLEAN, $with_fields: BOOLEAN, $task_fields: LIST<STRING>
// returns: position, type, at, event_id, task_id, task_type, workflow_id, agent_id, team_id, skill,
//   event, of_task
CYPHER 5
WITH datetime.realtime() AS now
MATCH (e:TaskEvent) USING INDEX SEEK e:TaskEvent(position)
WHERE $after < e.position <= $upto AND e.type IN $types
MATCH (e)<-[:HAS_EVENT]-(t:Task)
WITH e, t, CASE WHEN e.at > now THEN now ELSE e.at END AS at ORDER BY e.position
RETURN e.position AS position, e.type AS type, at.epochSeconds * 1000000 + at.microsecond AS at,
       e.event_id AS event_id, t.task_id AS task_id, t.task_type AS task_type,
       t.workflow_id AS workflow_id, e.agent_id AS agent_id,
       CASE WHEN $with_teams THEN COLLECT {
         MATCH (a:Agent {agent_id: e.agent_id})-[:MEMBER_OF]->(g) RETURN g.team_id
       } ELSE [] END AS team_id,
       CASE WHEN $with_skills THEN [(t)-[:REQUIRES]->(k) | k.key] ELSE [] END AS skill,
       CASE WHEN $with_fields THEN INCLUDE events/row END AS event,
       [name IN $task_fields | t[name]] AS of_task
