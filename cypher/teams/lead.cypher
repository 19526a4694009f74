// Says whether the teams of a run are still the latest that were put, under the lock that teams/put
// takes. No row means that others were put after them.
// Locks: the record of the schema.
// mode: write
// params: $run_id: STRING, $command_id: STRING
// returns: run_id
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
SET s.lk = $command_id
WITH s WHERE s.teams_run = $run_id
RETURN s.teams_run AS run_id
