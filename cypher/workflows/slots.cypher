// Returns how many tasks all agents together may hold at once.
// mode: read
// returns: slots
CYPHER 5
MATCH (a:Agent)
RETURN sum(a.max_concurrent_tasks) AS slots
