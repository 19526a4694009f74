// Returns why a task waits: the task, the unmet dependencies that wait for no other ($limit of
// them, `root_count` in all), and for those that are pending who could take them. The roots are
// found breadth first, each task once: the pattern is planned as a pruning expansion, which costs a
// chain of 10,000 tasks or a ladder of diamonds no more than its tasks and edges. The search goes
// on from blocked tasks only. One group holds all the tasks that the same agents could take, for the
// same estimate. The workers are read from their label, since a search from an agent would go through
// all its tries.
// mode: read
// seconds: 120
// params: $task_id: STRING, $limit: INTEGER
// returns: now, task, roots, root_count, groups, pauses
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL (t) {
  MATCH p = (t)-[:DEPENDS_ON|AWAITS*1..]->(r)
  WHERE all(e IN relationships(p) WHERE startNode(e):BlockedTask)
  WITH DISTINCT r WHERE r.status <> 'completed' AND NOT r:BlockedTask
  WITH r ORDER BY CASE r.status WHEN 'failed' THEN 0 WHEN 'cancelled' THEN 1 WHEN 'pending' THEN 2
                                WHEN 'assigned' THEN 3 ELSE 4 END, r.task_id
  WITH collect(r) AS found
  RETURN found[..$limit] AS roots, size(found) AS root_count
}
CALL () {
  MATCH (w:Worker)
  RETURN collect({
    agent_id: w.agent_id, task_types: w.task_types,
    is_live: w.last_seen_at + duration('PT1S') * (3 * w.beat_seconds) > datetime()
  }) AS workers
}
WITH t AS asked, roots, root_count, workers
CALL (asked, roots, workers) {
  UNWIND [asked] + roots AS x
  WITH x, workers WHERE x.status = 'pending'
  CALL (x) {
    UNWIND coalesce(x.independent_of, []) AS id
    MATCH (named:Task {task_id: id})-[:ASSIGNED_TO]->(who)
    RETURN collect(DISTINCT who.agent_id) AS worked
  }
  WITH x.lane AS lane, x.task_type AS task_type, coalesce(x.excluded_agents, []) + worked AS excluded,
       x.estimate AS estimated, workers, head(collect(x)) AS t, collect(x.task_id) AS ids
  MATCH (l:Lane {key: lane})
  WITH l, t, excluded, ids, [w IN workers | w.agent_id] AS staffed,
       [w IN workers WHERE w.is_live AND (w.task_types IS NULL OR task_type IN w.task_types)
        | w.agent_id] AS handling
  INCLUDE insights/takers
  WITH l, ids, t, takers, COLLECT {
    UNWIND workers AS w
    WITH w WHERE w.is_live AND w.agent_id IN takers.idle
    UNWIND w.task_types AS type
    RETURN DISTINCT type ORDER BY type LIMIT 21
  } AS handled
  WITH l, ids, takers, handled, [(l)-[:LIMITED_BY]->(x:Limit) | x] AS limits, COLLECT {
    MATCH (b:Budget {key: t.charges})
    WITH t, l, b, [b] AS budgets
    WITH l, b, INCLUDE budgets/estimate AS estimate
    WHERE l.key IN coalesce(b.closed, []) AND b.closed_at > datetime.realtime() - duration('PT5S')
      OR INCLUDE budgets/short
    RETURN b.key
  } AS short
  RETURN collect({
    task_ids: ids, takers: takers, handled: handled, limit: head([x IN limits | properties(x)]),
    budget: head(short),
    needs: l.needs, missing: [key IN l.needs WHERE NOT EXISTS { (:Skill {key: key})<-[:HAS_SKILL]-() }
      AND NOT EXISTS { MATCH (a:Agent) WHERE key IN a.terms }]
  }) AS groups
}
WITH asked, roots, root_count, groups, datetime() AS now
RETURN now.epochSeconds * 1000000 + now.microsecond AS now,
  head([x IN [asked] | INCLUDE insights/standing]) AS task,
  [x IN roots | INCLUDE insights/standing] AS roots, root_count, groups, COLLECT {
    MATCH (p:Pause) USING INDEX SEEK p:Pause(key)
    WHERE p.key >= '' AND coalesce(p.until > datetime.realtime(), true)
    RETURN INCLUDE pauses/row
  } AS pauses
