// Have the teams of a run, and say that they are those that are to be: see teams/lead. Whoever writes
// teams locks the record of the schema first, so that two come one after the other.
// mode: write
// params: teams, run_id, algorithm, resolution, modularity, command_id
// returns: teams
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
SET s.lk = $command_id, s.teams_run = $run_id
WITH s
UNWIND $teams AS row
MERGE (g:Team {team_id: row.team_id})
ON CREATE SET g.created_at = datetime(), g.size = 0
SET g.name = row.name, g.run_id = $run_id, g.algorithm = $algorithm,
    g.resolution = $resolution, g.modularity = $modularity
RETURN count(g) AS teams
