// Returns the highest and the lowest utilization of the agents.
// mode: read
// returns: highest, lowest
CYPHER 5
MATCH (a:Agent)
WITH toFloat(a.active_tasks) / a.max_concurrent_tasks AS utilization
RETURN coalesce(max(utilization), 0.0) AS highest, coalesce(min(utilization), 0.0) AS lowest
