// Completes the task of each row, running -> completed, and assigned -> running before that where
// the row says for how long the work has gone on (`ran_ms`), which was not told before. It keeps
// the result, frees the slot of the agent, counts the success, and releases the tasks that waited.
// A row that is refused is not among those returned. Where $brief, no more than the ids are
// returned. `owing` are tasks with so many dependents that these are released afterwards, in steps;
// they are due at once: tasks/release_dependents.
// Locks: the agents, the limits, the tasks, the budgets, then the dependents; each kind ascending.
// mode: write
// params: $rows: LIST<MAP>, $brief: BOOLEAN, $command_id: STRING
// returns: task_ids, owing, tasks, edges, left
CYPHER 5

// 1. Lock all agents, then all limits, then all tasks, so that the order of locks holds for the
//    whole batch.
CALL () {
  UNWIND $rows AS row
  MATCH (t:Task {task_id: row.task_id})
  RETURN collect({row: row, t: t}) AS asked
}
CALL (asked) {
  UNWIND asked AS one
  WITH DISTINCT one.t.assigned_to AS agent_id
  MATCH (a:Agent {agent_id: agent_id})
  WITH a ORDER BY a.agent_id
  SET a.lk = $command_id
}
CALL (asked) {
  UNWIND asked AS one
  WITH DISTINCT one.t.concurrency_key AS key
  MATCH (x:Limit {key: key})
  WITH x ORDER BY x.key
  SET x.lk = 0
}

// 2. Complete the tasks that are still held by the try that the row names.
CALL (asked) {
  UNWIND asked AS one
  WITH one.row AS row, one.t AS t ORDER BY row.task_id
  SET t.lk = 0
  WITH row, t, datetime.realtime() AS now
  WHERE t.attempt = coalesce(row.attempt, t.attempt)
    AND (t.status = 'running' OR t.status = 'assigned' AND row.ran_ms IS NOT NULL)
  // assigned_to was read before the lock. This edge is read after it, and says who holds the task.
  MATCH (t)-[r:ASSIGNED_TO]->(a:Agent) WHERE r.attempt = t.attempt AND a.lk = $command_id
  WITH row, t, r, a, now, row.ran_ms AS ran_ms
  WITH row, t, r, a, now, CASE WHEN t.status = 'assigned' THEN INCLUDE tasks/began_at END AS began
  FOREACH (_ IN CASE WHEN began IS NULL THEN [] ELSE [1] END |  // Its start was not told before.
    REMOVE t:AssignedTask
    SET t.started_at = began, r.started_at = began, t.events = t.events + 1
    CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
      event_id: row.command_id + 's', type: 'started', at: began, attempt: t.attempt,
      seq: t.events, agent_id: a.agent_id, command_id: row.command_id
    }))
  SET r.used = coalesce(row.used, r.used)
  INCLUDE tasks/settle
  WITH row, t, r, a, now, coalesce(row.duration_ms, INCLUDE tasks/elapsed_ms) AS duration_ms
  REMOVE t:RunningTask
  SET t:CompletedTask,
      t.status = 'completed',
      t.completed_at = now,
      t.result = row.result,
      t.metrics = row.metrics,
      t.execution_duration_ms = duration_ms,
      t.success = true,
      t.events = t.events + 1,
      t.lease_seconds = null,
      t.lease_expires_at = null,
      t.finish_by = null,
      t.close_by = null,
      t.due_at = null,
      t.error_message = null,
      t.progress = null,
      t.progress_message = null,
      r.ended_at = now,
      r.outcome = 'completed',
      r.duration_ms = duration_ms
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: row.command_id, type: 'completed', at: now, attempt: t.attempt,
    seq: t.events, agent_id: a.agent_id, command_id: row.command_id
  })
  RETURN collect({
    t: t, a: a, duration_ms: duration_ms, now: now,
    waiting: COUNT { (t)<-[:DEPENDS_ON|AWAITS]-() }
  }) AS done
}

// 3. Say how many dependents a task may have to be released here: 2,000 in all, or each the same
//    share of them where there are more. So no transaction grows with the number of dependents.
WITH *, CASE WHEN reduce(number = 0, one IN done | number + one.waiting) <= 2000 THEN 2000
             ELSE 2000 / size(done) END AS most

// 4. Count for each agent and each limit once, however many of its tasks are done.
CALL (done) {
  UNWIND done AS one
  WITH one.a AS a, count(*) AS more, sum(one.duration_ms) AS duration_ms, max(one.now) AS now
  WITH a, more, duration_ms, now, a.total_completed AS before, a.total_failed AS failed
  SET a.active_tasks = a.active_tasks - more,
      a.total_completed = before + more,
      a.success_rate = toFloat(before + more) / (before + more + failed),
      a.avg_completion_ms = (a.avg_completion_ms * before + duration_ms) / (before + more),
      a.queue_completed = a.queue_completed + more,
      a.queue_ms = a.queue_ms + duration_ms,
      a.failures_in_row = null,
      a.last_seen_at = now
}
CALL (done) {
  UNWIND done AS one
  WITH one.t.concurrency_key AS key, count(*) AS less
  MATCH (x:Limit {key: key})
  SET x.active = x.active - less
}

// 5. Release the dependents of these. The others come due, for tasks/release_dependents.
CALL (done, most) {
  UNWIND done AS one
  WITH one.t AS d, one.now AS now, one.waiting AS waiting, most
  WHERE waiting > 0 AND waiting <= most
  MATCH (d)<-[:DEPENDS_ON|AWAITS]-(t:Task)
  WITH t, count(*) AS met, max(now) AS now ORDER BY t.task_id
  SET t.lk = 0
  WITH t, met, now
  SET t.unmet = t.unmet - met
  WITH t, now WHERE t.status = 'pending' AND t.unmet = 0
  INCLUDE tasks/ready_again
}
CALL (done, most) {
  UNWIND done AS one
  WITH one.t AS t, one.now AS now, one.waiting AS waiting, most WHERE waiting > most
  SET t.due_at = now
  RETURN collect(t.task_id) AS owing
}

// 6. Answer.
WITH [one IN done | one.t.task_id] AS task_ids, owing,
     [one IN done WHERE NOT $brief | one.t] AS answered
INCLUDE tasks/answers
RETURN task_ids, owing, tasks, edges, left
