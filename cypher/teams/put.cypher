// Creates the teams of a run, and records that they are the latest: teams/lead. Whoever writes
// teams locks the record of the schema first, so that two runs come one after the other.
// Locks: the record of the schema.
// mode: write
// params: $teams: LIST<MAP>, $run_id: STRING, $algorithm: STRING, $resolution: FLOAT,
//   $modularity: FLOAT, $command_id: STRING
// returns: teams
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
SET s.lk = $command_id, s.teams_run = $run_id
WITH s
UNWIND $teams AS row
OPTIONAL MATCH (old:Team {team_id: row.team_id})
WITH row, old WHERE old IS NULL OR old.run_id IS NOT NULL  // One that was put by hand stays as it is.
MERGE (g:Team {team_id: row.team_id})
ON CREATE SET g.created_at = datetime(), g.size = 0
SET g.name = row.name, g.run_id = $run_id, g.algorithm = $algorithm,
    g.resolution = $resolution, g.modularity = $modularity
RETURN count(g) AS teams
