// Cancels tasks, pending -> cancelled, that wait for others that failed or were cancelled, where
// they ask for it, and those that wait for these: $limit tasks in all, the nearest first. A task
// that has more such dependents comes due again in $again_seconds, so that somebody goes on, and is
// returned. Each task is locked before its dependents are looked for, so that one that is created
// meanwhile is not missed. Tasks that wait for the end of one of these, whatever it is, do so no
// more.
// Locks: the tasks that failed, then those that wait; each kind ascending.
// mode: write
// seconds: 60
// params: $task_ids: LIST<STRING>, $limit: INTEGER, $again_seconds: FLOAT, $command_id: STRING
// returns: task_ids
CYPHER 5
CALL () {
  UNWIND $task_ids AS id
  MATCH (c:Task {task_id: id})
  WITH c ORDER BY c.task_id
  SET c.lk = $command_id
  WITH c WHERE c.status IN ['failed', 'cancelled']
  RETURN collect(c) AS causes
}
CALL (causes) {
  UNWIND causes AS c
  // This is written so that each task is visited once: the number of paths has no bound.
  MATCH (c)<-[edges:DEPENDS_ON*1..500]-(t:PendingTask)
  WHERE all(e IN edges WHERE startNode(e):PendingTask
                             AND startNode(e).on_dependency_failure = 'cancel')
  WITH DISTINCT t LIMIT $limit
  WITH t ORDER BY t.task_id
  SET t.lk = $command_id
  WITH t WHERE t.status = 'pending'
  SET t.status = 'cancelled'
  RETURN collect(t) AS doomed
}
CALL (doomed) {
  UNWIND doomed AS t
  CALL (t) {
    MATCH (t)-[:DEPENDS_ON]->(d:Task) WHERE d.status IN ['failed', 'cancelled']
    RETURN min(d.task_id) AS cause
  }
  WITH t, cause, 'dependency ' + cause + ' failed or was cancelled' AS why,
       datetime.realtime() AS now
  INCLUDE tasks/give_up
  RETURN count(t) AS cancelled
}
CALL (causes, doomed) {
  UNWIND causes + doomed AS d
  MATCH (d)<-[r:AWAITS]-(t:PendingTask)
  WITH t, collect(r) AS ended ORDER BY t.task_id LIMIT $limit
  SET t.lk = $command_id
  FOREACH (r IN ended | DELETE r)
  WITH t
  SET t.unmet = INCLUDE tasks/count_unmet
  WITH t, datetime.realtime() AS now WHERE t.status = 'pending' AND t.unmet = 0
  INCLUDE tasks/ready_again
}
CALL (causes, doomed) {
  UNWIND causes + doomed AS t
  WITH t, datetime.realtime() AS now
  INCLUDE tasks/owes
  REMOVE t:PutAsideTask
  WITH t, now WHERE t.due_at IS NOT NULL
  SET t.due_at = now + duration('PT1S') * $again_seconds
  RETURN collect(t.task_id) AS task_ids
}
RETURN task_ids
