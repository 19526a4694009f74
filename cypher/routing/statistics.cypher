// How often each agent was given a task, and how many ready tasks nobody can take.
// mode: read
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
    // include routing/serving
    WITH a LIMIT 1
    RETURN count(a) AS served
  }
  WITH l WHERE served = 0
  CALL (l) {
    MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key)
    WHERE t.lane = l.key AND t.ready_key >= 0
    RETURN count(t) AS ready
  }
  RETURN sum(ready) AS unroutable
}
RETURN by_agent, unroutable
