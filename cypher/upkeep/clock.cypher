// Returns the time of the server, in microseconds since 1970.
// mode: read
// returns: now
CYPHER 5
WITH datetime.realtime() AS now
RETURN now.epochSeconds * 1000000 + now.microsecond AS now
