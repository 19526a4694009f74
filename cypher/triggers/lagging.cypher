// Returns the triggers that have not been evaluated up to the end of the log, those first that are
// furthest behind, with that end.
// mode: read
// params: $limit: INTEGER
// returns: name, pattern, where, workflow_id, agent_id, team_id, skill, when, position, turn,
//   generation, last
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last
MATCH (s:Trigger) USING INDEX SEEK s:Trigger(position)
WHERE s.position < last
WITH s, last ORDER BY s.position LIMIT $limit
RETURN s.name AS name, s.pattern AS pattern, s.where AS where, s.workflow_id AS workflow_id,
       s.agent_id AS agent_id,       s.team_id AS team_id, s.skill AS skill, s.when AS when, s.position AS position,
       s.turn AS turn, s.generation AS generation, last
