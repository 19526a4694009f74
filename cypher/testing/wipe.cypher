// Deletes what tests have made: everything but the schema's own node and the lane that requires
// nothing. No currency is agreed on any more.
// mode: write
// params: $lane: STRING
// returns: number
CYPHER 5
CALL () {
  MATCH (s:GraphOrchSchema)
  REMOVE s.currency
}
MATCH (n) WHERE NOT n:GraphOrchSchema AND NOT (n:Lane AND n.key = $lane)
DETACH DELETE n
RETURN count(n) AS number
