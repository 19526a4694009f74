// Returns how many events the graph holds, from the counts that the server keeps: the answer costs the
// same however many there are.
// mode: read
// returns: events
CYPHER 5
MATCH (e:TaskEvent)
RETURN count(e) AS events
