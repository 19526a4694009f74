// Counts what `testing/wipe` would delete.
// mode: read
// params: $lane: STRING
// returns: number
CYPHER 5
MATCH (n) WHERE NOT n:GraphOrchSchema AND NOT (n:Lane AND n.key = $lane)
RETURN count(n) AS number
