// The time that was so many seconds ago by the server's clock, as a text.
// mode: read
// params: seconds
// returns: cutoff
CYPHER 5
RETURN toString(datetime() - duration('PT1S') * $seconds) AS cutoff
