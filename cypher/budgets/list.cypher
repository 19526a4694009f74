// Returns all budgets, by their keys.
// mode: read
// returns: budget
CYPHER 5
MATCH (b:Budget) USING INDEX SEEK b:Budget(key) WHERE b.key >= ''
WITH b ORDER BY b.key
RETURN INCLUDE budgets/row AS budget
