// Sets after how many failures in a row an agent is paused, and for how long; null: never.
// Locks: the agent.
// mode: write
// params: $agent_id: STRING, $failures: INTEGER, $seconds: FLOAT
// returns: agent, names
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
SET a.lk = 0
SET a.breaker_failures = $failures, a.breaker_seconds = $seconds
FOREACH (_ IN CASE WHEN $failures IS NULL THEN [1] ELSE [] END | REMOVE a.failures_in_row)
RETURN INCLUDE agents/answer
