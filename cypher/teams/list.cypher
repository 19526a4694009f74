// Returns every team, the largest first.
// mode: read
// returns: team
CYPHER 5
MATCH (g:Team)
RETURN INCLUDE teams/row AS team ORDER BY g.size DESC, g.team_id
