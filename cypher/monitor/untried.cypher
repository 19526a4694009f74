// Returns how many tasks failed without a try, because nobody took them in time.
// mode: read
// returns: number
CYPHER 5
MATCH (t:FailedTask) WHERE t.attempt = 0
RETURN count(t) AS number
