// Deletes what tests have made, $limit nodes at most: everything but the schema's own node and the
// lane that requires nothing. No currency is agreed on any more.
// mode: write
// params: $lane: STRING, $limit: INTEGER
// returns: number
CYPHER 5
CALL () {
  MATCH (s:GraphOrchSchema)
  REMOVE s.currency
}
MATCH (n) WHERE NOT n:GraphOrchSchema AND NOT (n:Lane AND n.key = $lane)
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(n) AS number
