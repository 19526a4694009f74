// Joins tasks that were just created to the one whose handler created them, and lets pending tasks
// wait for them: each row of $before names a task and what it waits for from now on (`depends_on`).
// `refused` are those of them that are not pending; `doomed`, those that are to be cancelled, since
// what they wait for has failed.
// Locks: the tasks that wait, ascending.
// mode: write
// params: $task_id: STRING, $task_ids: LIST<STRING>, $before: LIST<MAP>, $command_id: STRING
// returns: refused, doomed
CYPHER 5
MATCH (p:Task {task_id: $task_id})
CALL (p) {
  UNWIND $task_ids AS id
  MATCH (c:Task {task_id: id})
  MERGE (p)-[:SPAWNED]->(c)
}
CALL () {
  UNWIND $before AS row
  MATCH (t:Task {task_id: row.task_id})
  SET t.lk = $command_id
  WITH t, row, datetime.realtime() AS now
  CALL (t, row, now) {
    WITH t, row, now WHERE t.status = 'pending'
    CALL (t, row) {
      WITH t, row, COUNT { (t)-[:DEPENDS_ON]->() } AS first
      UNWIND range(0, size(row.depends_on) - 1) AS i
      MATCH (d:Task {task_id: row.depends_on[i]}) WHERE NOT EXISTS { (t)-[:DEPENDS_ON]->(d) }
      CREATE (t)-[:DEPENDS_ON {ordinal: first + i}]->(d)
    }
    REMOVE t:DelayedTask
    SET t.unmet = INCLUDE tasks/count_unmet, t.events = t.events + 1
    CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
      event_id: $command_id + ':' + t.task_id, type: 'dependency_added', at: now,
      attempt: t.attempt, seq: t.events, command_id: $command_id, detail: row.detail
    })
    INCLUDE tasks/ready_again
  }
  RETURN collect(CASE WHEN t.status <> 'pending' THEN t.task_id END) AS refused,
         collect(CASE WHEN t.on_dependency_failure = 'cancel' AND EXISTS {
           (t)-[:DEPENDS_ON]->(:FailedTask|CancelledTask)
         } THEN t.task_id END) AS doomed
}
RETURN refused, doomed
