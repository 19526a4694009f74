// The lanes with ready tasks that no concurrency limit holds back: how many wait (10,000 stands for
// more), who holds each skill they need, how many agents have all of them and how many free slots,
// and the best of those. From the lanes, which are few; the history is not read.
// mode: read
// returns: lane, skills, ready, capable, free, best
CYPHER 5
MATCH (l:Lane)
CALL (l) {
  MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key)
  WHERE t.lane = l.key AND t.ready_key >= 0
  WITH t LIMIT 10000
  RETURN count(t) AS ready
}
WITH l, ready
WHERE ready > 0 AND NOT EXISTS { MATCH (l)-[:LIMITED_BY]->(x:Limit) WHERE x.active >= x.max }
CALL (l) {
  // include routing/serving
  WITH a ORDER BY a.success_rate DESC, a.agent_id
  RETURN count(a) AS capable, head(collect(a.agent_id)) AS best,
         sum(CASE WHEN a.active_tasks < a.max_concurrent_tasks
               THEN a.max_concurrent_tasks - a.active_tasks ELSE 0 END) AS free
}
RETURN l.key AS lane,
       [(l)-[:NEEDS]->(k:Skill) | [k.key, k.name, COUNT { (k)<-[:HAS_SKILL]-() }]] AS skills,
       ready, capable, free, best
ORDER BY ready DESC, lane
