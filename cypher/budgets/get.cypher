// Returns a budget. No row means that the owner has none.
// mode: read
// params: $key: STRING
// returns: budget
CYPHER 5
MATCH (b:Budget {key: $key})
RETURN INCLUDE budgets/row AS budget
