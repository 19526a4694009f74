// The members of a team, by id.
// mode: read
// params: team_id
// returns: agent_id
CYPHER 5
MATCH (:Team {team_id: $team_id})<-[:MEMBER_OF]-(a)
RETURN a.agent_id AS agent_id ORDER BY agent_id
