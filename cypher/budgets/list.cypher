// Returns all budgets, by their keys, each with the currency in which they count money.
// mode: read
// returns: budget, currency
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
MATCH (b:Budget) USING INDEX SEEK b:Budget(key) WHERE b.key >= ''
WITH s, b ORDER BY b.key
RETURN INCLUDE budgets/row AS budget, s.currency AS currency
