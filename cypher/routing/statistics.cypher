// Returns how often each agent was given a task, and how many ready tasks nobody can take, because
// no agent has their skills or every agent that has them is excluded.
// mode: read
// seconds: 120
// returns: by_agent, unroutable
CYPHER 5
CALL () {
  MATCH (a:Agent|RetiredAgent)
  WITH a ORDER BY a.agent_id WHERE a.total_assigned > 0
  RETURN collect([a.agent_id, a.total_assigned]) AS by_agent
}
CALL () {
  MATCH (l:Lane) USING INDEX SEEK l:Lane(open_for)
  WHERE l.open_for >= ''
  CALL (l) {
    INCLUDE routing/serving
    WITH a LIMIT 1
    RETURN count(a) AS served
  }
  WITH l WHERE served = 0
  CALL (l) {
    MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key)
    WHERE t.lane = l.key AND t.ready_key >= 0
    RETURN count(t) AS ready
  }
  RETURN sum(ready) AS unserved
}
CALL () {
  INCLUDE routing/barred
  CALL (l, excluded) {
    INCLUDE routing/serving
    RETURN count(a) AS served, sum(CASE WHEN a.agent_id IN excluded THEN 0 ELSE 1 END) AS may
  }
  WITH ready WHERE served > 0 AND may = 0  // Lanes that nobody serves are counted above.
  RETURN sum(ready) AS barred
}
RETURN by_agent, unserved + barred AS unroutable
