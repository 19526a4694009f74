// An owner has one budget.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_budget_key IF NOT EXISTS
FOR (b:Budget) REQUIRE b.key IS UNIQUE
