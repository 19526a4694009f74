// Looks at tasks whose time has come. A delayed task becomes ready. A held one whose lease ran out,
// or whose time to finish did, loses its try, and is tried again while retries are left. A task
// that is past its time to start, or past its time as a whole, fails. One that waited long enough for
// its first skills has its fallback skills from now on. Whatever else has happened
// meanwhile is left alone. `what` says what came to pass, null where nothing did; `cascade`,
// whether tasks that wait for it are to be cancelled.
// Locks: the agents, the limits, the tasks; each kind ascending.
// mode: write
// seconds: 60
// params: $task_ids: LIST<STRING>, $command_id: STRING
// returns: task_id, what, cascade
CYPHER 5

// 1. Lock all agents, then all limits, then all tasks, so that the order of locks holds for the
//    whole batch.
CALL () {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})
  MATCH (a:Agent {agent_id: t.assigned_to})
  WITH DISTINCT a ORDER BY a.agent_id
  SET a.lk = $command_id
}
CALL () {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})
  MATCH (x:Limit {key: t.concurrency_key})
  WITH DISTINCT x ORDER BY x.key
  SET x.lk = $command_id
}
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
WITH t ORDER BY t.task_id
SET t.lk = $command_id

// 2. Say what has come to pass, now that nobody can change it. Where several times have passed, the
//    deadline of the whole task decides, since no try may follow that.
WITH t, datetime.realtime() AS now
WITH t, now, t.status IN ['assigned', 'running'] AS held, CASE
    WHEN t.due_at IS NULL OR t.due_at > now THEN null
    WHEN t.close_by <= now THEN 'schedule_to_close'
    WHEN t.status IN ['assigned', 'running'] AND t.lease_expires_at <= now THEN 'lease'
    WHEN t.status = 'running' AND t.finish_by <= now THEN 'start_to_close'
    WHEN t.status = 'pending' AND t.start_by <= now THEN 'schedule_to_start'
    WHEN t.status = 'pending' AND t:DelayedTask AND t.available_at <= now THEN 'delay'
    WHEN t.ready_key IS NOT NULL AND t.fallback_at <= now THEN 'fallback'
  END AS what

// 3. Nothing has: another process was first, or due_at was too early. It is put right, since the
//    task would else be looked at again and again.
CALL (t, what) {
  WITH t WHERE what IS NULL
  INCLUDE tasks/due
}
WITH t, now, held, what WHERE what IS NOT NULL

// 4. Its delay is over: it is ready.
CALL (t, now, what) {
  WITH t, now WHERE what = 'delay'
  REMOVE t:DelayedTask
  INCLUDE tasks/ready_again
}

// 5. Nobody with the skills that it asked for first has taken it: others do, from now on, and once.
CALL (t, now, what) {
  WITH t, now, what, t.fallback_lane AS lane WHERE what = 'fallback'
  REMOVE t.fallback_lane, t.fallback_at
  INCLUDE tasks/due
  WITH t, now, what, lane
  MATCH (l:Lane {key: lane})
  CALL (t) { MATCH (t)-[r:REQUIRES]->() DELETE r }
  CALL (t, l) {
    UNWIND l.skills AS key
    MATCH (k:Skill {key: key})
    CREATE (t)-[:REQUIRES]->(k)
    RETURN collect(k.name) AS names
  }
  SET t.lane = lane, t.requirements = names, t.events = t.events + 1
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: $command_id + ':' + t.task_id, type: 'updated', at: now, attempt: t.attempt,
    seq: t.events, command_id: $command_id, reason: what
  })
  INCLUDE tasks/open_lane
}

// 6. It waited too long, and nobody holds it: it fails without a try.
CALL (t, now, held, what) {
  WITH t, now, what WHERE NOT held AND NOT what IN ['delay', 'fallback']
  WITH t, now, what, CASE what
      WHEN 'schedule_to_start' THEN 'it was not started within '
        + toString(t.schedule_to_start_seconds) + ' s (schedule_to_start)'
      ELSE 'it was not finished within '
        + toString(t.schedule_to_close_seconds) + ' s (schedule_to_close)'
    END AS error
  REMOVE t:PendingTask:BlockedTask:DelayedTask, t.ready_key, t.start_by, t.close_by
  SET t:FailedTask, t.status = 'failed', t.completed_at = now, t.success = false,
      t.error_message = error, t.events = t.events + 1
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: $command_id + ':' + t.task_id, type: 'failed', at: now,
    attempt: t.attempt, seq: t.events, command_id: $command_id,
    error: error, reason: what
  })
  WITH t, now
  INCLUDE tasks/owes
}

// 7. Its holder let it lie: the try is over, and another follows while retries are left. The agent
//    that section 1 locked must be the one that holds it: a task that was given to another agent
//    since is not touched, as that agent is not locked.
CALL (t, now, held, what) {
  WITH t, now, what WHERE held
  MATCH (t)-[r:ASSIGNED_TO]->(a:Agent) WHERE r.attempt = t.attempt AND a.lk = $command_id
  WITH t, now, what, r, a, $command_id + ':' + t.task_id AS event_id,
       CASE what WHEN 'lease' THEN 'expired' ELSE 'timed_out' END AS outcome,
       what <> 'schedule_to_close' AND t.retry_count < t.max_retries AS again,
       // The time of the whole task ran out while its holder was there, and had not begun, or only
       // when most of that time was gone: that is nobody's failure.
       what = 'schedule_to_close' AND NOT coalesce(t.lease_expires_at < t.close_by, false)
         AND coalesce(t.started_at
           + duration('PT1S') * (t.schedule_to_close_seconds / 2) > t.close_by, true) AS blameless,
       CASE what
         WHEN 'lease' THEN 'the lease of attempt ' + t.attempt + ' ran out on agent '
           + a.agent_id
         WHEN 'start_to_close' THEN 'it was not finished within '
           + toString(t.start_to_close_seconds) + ' s of its start (start_to_close)'
         ELSE 'it was not finished within '
           + toString(t.schedule_to_close_seconds) + ' s (schedule_to_close)'
       END AS error
  WITH *, CASE WHEN again OR what <> 'lease' THEN error
    ELSE error + ', as ' + (t.retry_count + 1) + ' tries did: no try is left' END AS error
  WITH *, what AS reason, null AS detail, null AS asked
  INCLUDE tasks/retry_delay
  INCLUDE tasks/count_failure
  INCLUDE tasks/end_try
  WITH t
  CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.active = x.active - 1 }
}
REMOVE t:PutAsideTask
RETURN t.task_id AS task_id, what, t.status = 'failed' AND t.due_at IS NOT NULL AS cascade
