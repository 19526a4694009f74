// Ends memberships in the teams of other runs, or in the team $team_id of those who are not to $stay. The
// former reads all teams, by design.
// Locks: the agents, ascending.
// mode: write
// seconds: 3600
// params: $run_id: STRING, $team_id: STRING, $stay: LIST<STRING>, $limit: INTEGER, $command_id: STRING
// returns: left
CYPHER 5
CALL () {
  MATCH (g:Team) WHERE g.run_id <> $run_id
  RETURN g
  UNION ALL
  MATCH (g:Team {team_id: $team_id})
  RETURN g
}
MATCH (g)<-[m:MEMBER_OF]-(a) WHERE NOT a.agent_id IN $stay
WITH m, a ORDER BY a.agent_id LIMIT $limit
SET a.lk = $command_id
DELETE m
WITH DISTINCT a
SET a.terms = INCLUDE agents/terms
RETURN count(a) AS left
