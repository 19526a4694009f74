// Returns the groups of which an expected event has not come in time, of triggers that were evaluated
// up to a place in the log that was its end after that time. Each with its trigger.
// mode: read
// params: $last: INTEGER, $now: INTEGER, $limit: INTEGER
// returns: name, pattern, workflow_id, agent_id, team_id, skill, when, at_position, turn,
//   generation, key, values, position, event_id, times, due
CYPHER 5
WITH datetime({epochSeconds: $now / 1000000, nanosecond: $now % 1000000 * 1000}) AS now
MATCH (k:TriggerGroup) USING INDEX SEEK k:TriggerGroup(is_awaited, due_at)
WHERE k.is_awaited = true AND k.due_at <= now
MATCH (s:Subscription {name: k.trigger})
WHERE s:Trigger AND s.position >= $last AND s.generation = k.generation
WITH s, k ORDER BY k.due_at LIMIT $limit
RETURN s.name AS name, s.pattern AS pattern, s.workflow_id AS workflow_id, s.agent_id AS agent_id,
       s.team_id AS team_id, s.skill AS skill, s.when AS when, s.position AS at_position,
       s.turn AS turn, s.generation AS generation, INCLUDE triggers/group_row
