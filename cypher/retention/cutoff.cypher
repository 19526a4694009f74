// Returns the time that was $seconds ago by the clock of the server, as a text: a time that went to
// a client and back is not equal to what it was.
// mode: read
// params: $seconds: FLOAT
// returns: cutoff
CYPHER 5
RETURN toString(datetime() - duration('PT1S') * $seconds) AS cutoff
