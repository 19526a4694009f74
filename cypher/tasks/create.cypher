// Creates tasks, their dependencies and their first events. It returns how many it created, and
// which of them are doomed, since a dependency has failed; none where a dependency, a gate, a lane
// or a workflow is missing, or the workflow was cancelled, or has a budget though it is not among
// those that are $charged, or the other way round, or where an estimate of money is in another of the
// $currencies than budgets. A task_id, idempotency_key or event_id
// that exists fails on its constraint.
// Locks: the workflows, the dependencies, the gates, then the lanes that it opens; each kind
// ascending.
// mode: write
// params: $rows: LIST<MAP>, $dependency_ids: LIST<STRING>, $gate_ids: LIST<STRING>,
//   $workflow_ids: LIST<STRING>, $charged: LIST<STRING>, $currencies: LIST<STRING>,
//   $lanes: LIST<STRING>, $fallback_lanes: LIST<STRING>, $now: ZONED DATETIME,
//   $command_id: STRING
// returns: number, doomed
CYPHER 5
// A workflow is locked, so that one that is cancelled meanwhile finds these tasks, or is found.
CALL () {
  UNWIND $workflow_ids AS id
  MATCH (w:Workflow {workflow_id: id})
  SET w.lk = 0
  WITH w, id WHERE w.cancelled_at IS NULL AND (w.charges IS NOT NULL) = (id IN $charged)
  RETURN count(w) AS workflows_found
}
// Lock the dependencies before their status is read: a task that is created while its dependency
// completes would else wait for ever. The ids come in order, in which every command locks tasks.
CALL () {
  UNWIND $dependency_ids AS id
  MATCH (d:Task {task_id: id})
  SET d.lk = 0
  WITH d WHERE d.status IS NOT NULL  // It may have been deleted meanwhile.
  RETURN count(d) AS dependencies_found
}
CALL () {
  UNWIND $gate_ids AS id
  MATCH (g:Gate {gate_id: id})
  SET g.lk = 0
  RETURN count(g) AS gates_found
}
CALL () {
  UNWIND $lanes AS key
  MATCH (l:Lane {key: key})
  INCLUDE tasks/open_lane
  RETURN count(l) AS lanes_found
}
CALL () {
  UNWIND $fallback_lanes AS key
  MATCH (l:Lane {key: key})
  RETURN count(l) AS fallback_lanes_found
}
WITH * WHERE dependencies_found = size($dependency_ids) AND lanes_found = size($lanes)
  AND fallback_lanes_found = size($fallback_lanes)
  AND gates_found = size($gate_ids) AND workflows_found = size($workflow_ids)
// A priority is worth so many microseconds of waiting; without aging, more than anybody can wait.
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
WHERE all(it IN $currencies WHERE it = coalesce(s.currency, $currencies[0]))
FOREACH (it IN CASE WHEN s.currency IS NULL THEN $currencies[..1] ELSE [] END | SET s.currency = it)
WITH coalesce(toInteger(s.aging_seconds * 1000000), 100000000000000000) AS step,
     datetime.truncate('microsecond', coalesce($now, datetime.realtime())) AS base
UNWIND $rows AS row
CALL (row) {
  UNWIND row.skills AS key
  MATCH (k:Skill {key: key})
  RETURN collect(k) AS skills
}
// Each row is a microsecond later than the one before, which keeps the order of a batch.
WITH row, skills, step, base + duration({microseconds: row.position}) AS now
CREATE (t:Task:PendingTask:UnsearchableTask)
SET t = row.task,
    t.created_at = now,
    t.requirements = [k IN skills | k.name],
    t.queue_key = row.rank * step + now.epochSeconds * 1000000 + now.microsecond,
    t.close_by = now + duration('PT1S') * t.schedule_to_close_seconds
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: row.event_id, type: 'created', at: now, attempt: 0, seq: 1,
  command_id: $command_id
})
FOREACH (k IN skills | CREATE (t)-[:REQUIRES]->(k))
WITH t, row, now
CALL (t, row) {
  UNWIND range(0, size(row.dependencies) - 1) AS i
  MATCH (d:Task {task_id: row.dependencies[i]})
  CREATE (t)-[:DEPENDS_ON {ordinal: i}]->(d)
  RETURN sum(CASE d.status WHEN 'completed' THEN 0 ELSE 1 END) AS unmet,
         sum(CASE WHEN d.status IN ['failed', 'cancelled'] THEN 1 ELSE 0 END) AS broken
}
CALL (t, row) {
  UNWIND row.gates AS id
  MATCH (g:Gate {gate_id: id})
  CREATE (t)-[:WAITS_FOR]->(g)
  RETURN sum(CASE WHEN g.status IN ['approved', 'answered'] THEN 0 ELSE 1 END) AS closed,
         sum(CASE WHEN g.status IN ['rejected', 'expired', 'sent_back'] THEN 1 ELSE 0 END) AS refused
}
CALL (t) {
  MATCH (w:Workflow {workflow_id: t.workflow_id})
  CREATE (t)-[:PART_OF]->(w)
  WITH t, w WHERE w.close_by IS NOT NULL
  SET t.close_by = CASE WHEN t.close_by < w.close_by THEN t.close_by ELSE w.close_by END
}
SET t.unmet = unmet + closed
INCLUDE tasks/ready
RETURN count(t) AS number,
       collect(CASE WHEN broken + refused > 0 AND t.on_dependency_failure = 'cancel'
                 THEN t.task_id END) AS doomed
