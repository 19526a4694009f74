// Returns the budgets that let ready tasks not go and under which nothing runs, so that only raising
// one helps: how many tasks wait (10,000 of a lane stand for more), the first of them, what the budget
// has, and the estimates of the lanes in which they wait. Tasks wait for the budget of their workflow;
// for that of an agent or a team, those that it could do.
// mode: read
// returns: owner, ready, first, most, spent, estimates, currency
CYPHER 5
MATCH (b:Budget) USING INDEX SEEK b:Budget(key) WHERE b.key >= '' AND b.held[3] = 0
MATCH (b)<-[:HAS_BUDGET]-(o)
CALL (b, o) {
  MATCH (b)<-[:CHARGES]-(l:Lane)
  RETURN l
  UNION
  MATCH (o)<-[:MEMBER_OF*0..1]-(a:Agent)
  MATCH (l:Lane) USING INDEX SEEK l:Lane(open_for)
  WHERE l.open_for IN INCLUDE agents/has AND INCLUDE agents/serves
  RETURN l
}
WITH b, l, coalesce(l.least, [0, 0, 0, 1]) AS estimate
WHERE l.key IN coalesce(b.closed, []) AND b.closed_at > datetime.realtime() - duration('PT5S')
  OR INCLUDE budgets/short
CALL (l) {
  MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key)
  WHERE t.lane = l.key AND t.ready_key >= 0
  WITH t ORDER BY t.lane, t.ready_key LIMIT 10000
  RETURN count(t) AS number, head(collect(t.task_id)) AS earliest
}
WITH b, estimate, number, earliest WHERE number > 0
WITH b, sum(number) AS ready, min(earliest) AS first, collect(DISTINCT estimate) AS estimates
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
RETURN b.key AS owner, ready, first, b.most AS most, b.spent AS spent, estimates,
       s.currency AS currency
ORDER BY ready DESC, owner
