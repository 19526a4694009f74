// Whether the teams of a run are still those that are to be, under the lock of teams/put. No row: others
// were put after them.
// mode: write
// params: run_id, command_id
// returns: run_id
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
SET s.lk = $command_id
WITH s WHERE s.teams_run = $run_id
RETURN s.teams_run AS run_id
