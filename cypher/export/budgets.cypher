// Returns the budgets of some owners: those of them that have one, and the currency in which they
// count money.
// mode: read
// seconds: 120
// params: $keys: LIST<STRING>
// returns: budget, currency
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
UNWIND $keys AS key
MATCH (b:Budget {key: key})
RETURN INCLUDE budgets/row AS budget, s.currency AS currency
