// Returns how things stand, summed up: agents, their slots, those that are taken, and agents that have none
// free; worker processes that live; open gates, and the pending tasks that wait at them; and the $most of the
// budgets of agents and teams that are used up furthest and of the limits of which most is held. It reads all agents, workers,
// budgets and limits, by design.
// mode: read
// seconds: 60
// params: $most: INTEGER
// returns: agents, slots, held, saturated, workers, gates, waiting, budgets, limits
CYPHER 5
CALL () {
  MATCH (a:Agent)
  WITH a.active_tasks AS active, INCLUDE agents/slots AS own
  RETURN count(*) AS agents, sum(own) AS slots, sum(active) AS held,
         sum(CASE WHEN active >= own THEN 1 ELSE 0 END) AS saturated
}
CALL () {
  MATCH (w:Worker) USING INDEX SEEK w:Worker(worker_id)
  WHERE w.worker_id >= '' AND w.last_seen_at + duration('PT1S') * (3 * w.beat_seconds) > datetime()
  RETURN count(w) AS workers
}
CALL () {
  MATCH (g:Gate) USING INDEX SEEK g:Gate(status, created_at, gate_id)
  WHERE g.status = 'open' AND g.created_at IS NOT NULL AND g.gate_id IS NOT NULL
  OPTIONAL MATCH (g)<-[:WAITS_FOR]-(t:PendingTask)
  RETURN count(DISTINCT g) AS gates, count(DISTINCT t) AS waiting
}
CALL () {
  MATCH (b:Budget) USING INDEX SEEK b:Budget(key) WHERE b.key >= '' AND NOT b.key STARTS WITH 'workflow:'
  WITH b, reduce(furthest = 0.0, i IN range(0, size(b.most) - 1) |
    CASE WHEN b.spent[i] > furthest * b.most[i] AND b.most[i] > 0
      THEN toFloat(b.spent[i]) / b.most[i] ELSE furthest END) AS used
  ORDER BY used DESC, b.key LIMIT $most
  RETURN collect(INCLUDE budgets/row) AS budgets
}
CALL () {
  MATCH (x:Limit) USING INDEX SEEK x:Limit(key) WHERE x.key >= '' AND x.max IS NOT NULL
  WITH x ORDER BY x.active DESC, x.key LIMIT $most
  RETURN collect(x {.key, .active, .max}) AS limits
}
RETURN agents, slots, held, saturated, workers, gates, waiting, budgets, limits
