// Returns the members of a team, in the order of their ids.
// mode: read
// params: $team_id: STRING
// returns: agent_id
CYPHER 5
MATCH (:Team {team_id: $team_id})<-[:MEMBER_OF]-(a)
RETURN a.agent_id AS agent_id ORDER BY agent_id
