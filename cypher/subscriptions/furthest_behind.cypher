// Returns the subscription that has read least of the log. No row means that there is none.
// mode: read
// returns: name, position
CYPHER 5
MATCH (s:Subscription) USING INDEX SEEK s:Subscription(name)
WHERE s.name >= ''
RETURN s.name AS name, s.position AS position ORDER BY position LIMIT 1
