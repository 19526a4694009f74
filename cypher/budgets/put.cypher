// Sets the budget of an agent, a team or a workflow. What is spent stays. No row means that there is no
// such owner.
// Locks: the owner, the budget.
// mode: write
// params: $kind: STRING, $id: STRING, $key: STRING, $most: LIST<INTEGER>, $currency: STRING
// returns: budget
CYPHER 5
CALL () {
  WITH 1 AS one WHERE $kind = 'agent'
  MATCH (o:Agent {agent_id: $id}) RETURN o
  UNION
  WITH 1 AS one WHERE $kind = 'team'
  MATCH (o:Team {team_id: $id}) RETURN o
  UNION
  WITH 1 AS one WHERE $kind = 'workflow'
  MATCH (o:Workflow {workflow_id: $id}) RETURN o
}
SET o.charges = $key
MERGE (b:Budget {key: $key})
ON CREATE SET b.spent = [0, 0, 0, 0], b.held = [0, 0, 0, 0]
MERGE (o)-[:HAS_BUDGET]->(b)
SET b.most = $most, b.currency = $currency
WITH b, any(i IN range(0, 3) WHERE b.spent[i] >= $most[i]) AS is_used_up
SET b.closed = CASE WHEN is_used_up THEN true END
RETURN INCLUDE budgets/row AS budget
