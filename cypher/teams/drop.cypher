// Deletes the teams of other runs, or the team $team_id, whose members have left, and their budgets. The
// former reads all teams, by design.
// mode: write
// params: $run_id: STRING, $team_id: STRING
// returns: dropped
CYPHER 5
CALL () {
  MATCH (g:Team) WHERE g.run_id <> $run_id
  RETURN g
  UNION ALL
  MATCH (g:Team {team_id: $team_id})
  RETURN g
}
OPTIONAL MATCH (g)-[:HAS_BUDGET]->(b:Budget)
DETACH DELETE b, g
RETURN count(*) AS dropped
