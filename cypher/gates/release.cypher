// Counts again what the tasks wait for that wait at a decided gate: $limit of them, in the order of
// their ids, after the last that was looked at. Those that wait for nothing more become ready. Where
// the gate was rejected or has expired, those are cancelled that ask for it. While there are more,
// the gate comes due again in $again_seconds. No row means that nothing is left. `owing`: the
// cancelled ones that have dependents to be cancelled.
// Locks: the gate, then the tasks, ascending.
// mode: write
// seconds: 60
// params: $gate_id: STRING, $limit: INTEGER, $again_seconds: FLOAT, $command_id: STRING
// returns: number, owing
CYPHER 5
MATCH (g:Gate {gate_id: $gate_id})
SET g.lk = $command_id
WITH g WHERE g.status <> 'open' AND g.due_at IS NOT NULL
CALL (g) {
  MATCH (g)<-[:WAITS_FOR]-(t:Task)
  WHERE t.task_id > coalesce(g.released_to, '')
  WITH t ORDER BY t.task_id LIMIT $limit
  SET t.lk = 0
  RETURN collect(t) AS waiting
}
CALL (waiting) {
  UNWIND waiting AS t
  SET t.unmet = INCLUDE tasks/count_unmet
  WITH t, datetime.realtime() AS now
  WHERE t.status = 'pending' AND t.unmet = 0 AND t:BlockedTask
  INCLUDE tasks/ready_again
}
CALL (g, waiting) {
  WITH g, waiting WHERE g.status IN ['rejected', 'expired']
  UNWIND waiting AS t
  WITH g, t, datetime.realtime() AS now
  WHERE t.status = 'pending' AND t.on_dependency_failure = 'cancel'
    AND EXISTS { MATCH (t)-[w:WAITS_FOR]->(g) WHERE w.key IS NULL }
  SET t.status = 'cancelled'
  WITH t, now, g.gate_id AS cause, 'gate ' + g.gate_id + CASE g.status
      WHEN 'rejected' THEN ' was rejected' ELSE ' has expired' END AS why
  INCLUDE tasks/give_up
  WITH t, now
  INCLUDE tasks/owes
  RETURN collect(CASE WHEN t.due_at IS NOT NULL THEN t.task_id END) AS owing
}
FOREACH (_ IN CASE WHEN size(waiting) < $limit THEN [1] ELSE [] END |
  REMOVE g:Due, g.due_at, g.released_to)
FOREACH (_ IN CASE WHEN size(waiting) = $limit THEN [1] ELSE [] END |
  SET g.released_to = waiting[-1].task_id,
      g.due_at = datetime.realtime() + duration('PT1S') * $again_seconds)
RETURN size(waiting) AS number, owing
