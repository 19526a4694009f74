// Deletes the teams of other runs, whose members have left, and their budgets. It reads all teams, by
// design.
// mode: write
// params: $run_id: STRING
// returns: dropped
CYPHER 5
MATCH (g:Team) WHERE g.run_id <> $run_id
OPTIONAL MATCH (g)-[:HAS_BUDGET]->(b:Budget)
DETACH DELETE b, g
RETURN count(*) AS dropped
