// Returns the key that signs links to gates; no row where none was made yet. `now` is the server's
// time in seconds since 1970.
// mode: read
// returns: key, now
CYPHER 5
MATCH (s:Secret {name: 'gate links'})
RETURN s.value AS key, datetime.realtime().epochSeconds AS now
