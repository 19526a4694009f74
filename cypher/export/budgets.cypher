// Returns the budgets of some owners: those of them that have one.
// mode: read
// seconds: 120
// params: $keys: LIST<STRING>
// returns: budget
CYPHER 5
UNWIND $keys AS key
MATCH (b:Budget {key: key})
RETURN INCLUDE budgets/row AS budget
