// Finds lanes that have a ready task and are not open, so that no agent finds them. With $nodes it
// puts these right, and locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (l:Lane) WHERE $nodes IS NULL OR l.key IN $nodes
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET l.lk = $command_id)
WITH l
WHERE EXISTS {
  MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key) WHERE t.lane = l.key AND t.ready_key >= 0
} AND coalesce(l.open_for <> l.rarest, true)
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END |
  SET l.open_for = l.rarest
  REMOVE l.empty_since)
RETURN l.key AS node, l.rarest AS expected, l.open_for AS found
