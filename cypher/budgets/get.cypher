// Returns a budget, null where its owner has none, and the currency in which budgets count money, null
// where none does yet.
// mode: read
// params: $key: STRING
// returns: budget, currency
CYPHER 5
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
OPTIONAL MATCH (b:Budget {key: $key})
RETURN INCLUDE budgets/row AS budget, s.currency AS currency
