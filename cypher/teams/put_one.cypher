// Puts a team by hand, which the teams that are found leave alone.
// Locks: the record of the schema.
// mode: write
// params: $team_id: STRING, $called: STRING, $command_id: STRING
// returns: team_id
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
SET s.lk = $command_id
MERGE (g:Team {team_id: $team_id})
ON CREATE SET g.created_at = datetime(), g.size = 0
SET g.name = $called
REMOVE g.run_id, g.algorithm, g.resolution, g.modularity
RETURN g.team_id AS team_id
