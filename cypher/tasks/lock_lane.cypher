// Lock a lane: the one that requires nothing, before another such lane is added.
// mode: write
// params: key, command_id
// returns: key
CYPHER 5
MATCH (l:Lane {key: $key})
SET l.lk = $command_id
RETURN l.key AS key
