// Sets the budget of an agent, a team or a workflow. What is spent stays. Money is counted in one
// currency, which the first budget or estimate of money names, and which may change while no other
// budget counts any: where it is another one, nothing `is_set`. No row means that there is no such owner.
// Locks: the owner, the record of the schema (only where the currency changes), the budget.
// mode: write
// params: $kind: STRING, $id: STRING, $key: STRING, $most: LIST<INTEGER>, $currency: STRING
// returns: currency, is_set
CYPHER 5
INCLUDE budgets/owner
SET o.lk = 0
WITH o, $most[1] < 4611686018427387904 AS counts_money
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
CALL (s, counts_money) {
  WITH s WHERE counts_money AND coalesce(s.currency <> $currency, true)
  SET s.lk = 0
  WITH s WHERE s.currency IS NULL OR NOT EXISTS {
    MATCH (b:Budget) USING INDEX SEEK b:Budget(key)
    WHERE b.key >= '' AND b.key <> $key AND (b.most[1] < 4611686018427387904 OR b.spent[1] > 0)
  }
  SET s.currency = $currency
}
WITH o, s.currency AS currency, NOT (counts_money AND s.currency <> $currency) AS is_set
CALL (o, is_set) {
  WITH o WHERE is_set
  SET o.charges = $key
  MERGE (b:Budget {key: $key})
  ON CREATE SET b.spent = [0, 0, 0, 0], b.held = [0, 0, 0, 0]
  MERGE (o)-[:HAS_BUDGET]->(b)
  SET b.most = $most
  REMOVE b.closed, b.closed_at
}
RETURN currency, is_set
