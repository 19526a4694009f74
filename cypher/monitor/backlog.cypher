// Returns the lanes with ready tasks that no concurrency limit holds back: how many tasks wait
// (10,000 stands for more), who holds each skill that they need, the terms that they need besides
// (domain/lanes), how many agents may take them, how
// many free slots these have, and the best of these agents. Tasks that some agents may not try
// again have a row of their own, with the first of them and the agents that they are kept from, of
// which 20 are named. It starts from the lanes, which are few, and reads none of the history.
// mode: read
// returns: lane, skills, terms, ready, first, capable, free, best, barred
CYPHER 5
CALL () {
  INCLUDE routing/barred
  RETURN collect({lane: l.key, excluded: excluded, ready: ready, first: first}) AS kept
}
MATCH (l:Lane)
CALL (l) {
  MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key)
  WHERE t.lane = l.key AND t.ready_key >= 0
  WITH t LIMIT 10000
  RETURN count(t) AS all_ready
}
WITH l, all_ready, [one IN kept WHERE one.lane = l.key] AS kept
WHERE all_ready > 0
  AND NOT EXISTS { MATCH (l)-[:LIMITED_BY]->(x:Limit) WHERE x.active >= x.max OR x.next_at > datetime() }
UNWIND kept
  + [{excluded: [], ready: all_ready - reduce(n = 0, one IN kept | n + one.ready)}] AS group
WITH l, group.ready AS ready, group.first AS first, group.excluded AS excluded WHERE ready > 0
CALL (l, excluded) {
  INCLUDE routing/serving
  WITH a, INCLUDE agents/slots AS slots, a.agent_id IN excluded AS out
  ORDER BY a.success_rate DESC, a.agent_id
  RETURN sum(CASE WHEN out THEN 0 ELSE 1 END) AS capable,
         head(collect(CASE WHEN out THEN null ELSE a.agent_id END)) AS best,
         collect(CASE WHEN out THEN a.agent_id END)[..20] AS barred,
         sum(CASE WHEN NOT out AND a.active_tasks < slots THEN slots - a.active_tasks ELSE 0 END) AS free
}
RETURN l.key AS lane,
       [(l)-[:NEEDS]->(k:Skill) | [k.key, k.name, COUNT { (k)<-[:HAS_SKILL]-() }]] AS skills,
       [key IN l.needs WHERE NOT key IN l.skills] AS terms,
       ready, first, capable, free, best, barred
ORDER BY ready DESC, lane, first
