// Sets how many seconds of waiting a priority is worth, for the tasks that are created from now on.
// mode: write
// params: $seconds: FLOAT
// returns: seconds
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
SET s.aging_seconds = $seconds
RETURN s.aging_seconds AS seconds
