// Gives each of some agents the best ready tasks that its skills cover, pending -> assigned, as
// many as its request asks for and it has free slots. Where the request says `start`, the first
// `begin` of them, or all, go -> running. The requests are answered one after the other; each asks
// for $limit tasks at most, and is given 8 MB at most, or one task.
//
// What it says of each request: `due`: the time of some task has come, and the queue must look at
// it; where $heed_due, that comes first, and nothing is given out. `handed`: somebody has assigned
// a task to the agent, which it is to take up. `replayed`: this very command was applied before.
// `lost`: 1 where there was something to take and others took it, so that asking again is worth it.
//
// Locks: where there are several requests, all their agents. Then for each request the agent, the
// limits, the shares, the lanes (only where the order is strict, which is $spread = 1), the budgets, the tasks;
// each kind ascending. The requests come by agent_id. One request that finds nothing to take locks nothing.
// mode: write
// params: $requests: LIST<MAP>, $limit: INTEGER, $spread: INTEGER, $heed_due: BOOLEAN
// returns: number, tasks, edges, left, due, handed, replayed, lost, lanes_seen
CYPHER 5

// 1. Every command locks agents before tasks, so all agents are locked before the first request
//    locks a task: otherwise two transactions could wait for each other.
CALL () {
  UNWIND $requests AS request
  WITH request WHERE size($requests) > 1
  MATCH (a:Agent {agent_id: request.agent_id})
  SET a.lk = request.command_id
}
INCLUDE tasks/is_due
INCLUDE pauses/paused
UNWIND range(0, size($requests) - 1) AS number
WITH due, paused, number, $requests[number] AS request
MATCH (a:Agent {agent_id: request.agent_id})
CALL (a, due, paused, request) {
  WITH a, due, paused, request, request.agent_id AS agent_id, request.command_id AS command_id,
       request.task_types AS task_types, request.take_up AS take_up
  INCLUDE tasks/handed
  OPTIONAL MATCH (e:TaskEvent {event_id: command_id + ':0'})
  WITH a, due, paused, handed, request, agent_id, command_id, task_types, e IS NOT NULL AS replayed

  // 2. Look without locks: which lanes hold the best tasks for the agent. Most requests of an idle
  //    queue end here, so they must not make others wait.
  CALL (a, due, paused, replayed, task_types) {
    WITH a, task_types, paused
    WHERE NOT replayed AND NOT (due AND $heed_due)
      AND a.active_tasks < INCLUDE agents/slots
    INCLUDE tasks/best
    UNWIND CASE WHEN best = [] THEN [null] ELSE best END AS t
    OPTIONAL MATCH (l:Lane {key: t.lane})
    RETURN collect(DISTINCT l) AS lanes, max(lanes_seen) AS lanes_seen, min(t.ready_key) AS first,
           head(collect(turn)) AS turn
  }
  CALL (a, lanes, agent_id, command_id, task_types, paused, first, turn, request) {

    // 3. Lock what decides how many tasks the agent may take. A lane is locked only where the order
    //    is strict: then whoever comes next waits here, and takes what comes next.
    WITH a, lanes, agent_id, command_id, task_types, paused, first, turn, request WHERE size(lanes) > 0
    SET a.lk = command_id
    WITH lanes, agent_id, command_id, task_types, paused, first, turn, request
    CALL (lanes, command_id) {
      UNWIND lanes AS l
      MATCH (l)-[:LIMITED_BY]->(x:Limit)
      WITH DISTINCT x, command_id ORDER BY x.key
      SET x.lk = 0
    }
    CALL (lanes, turn) {
      UNWIND CASE WHEN turn IS NULL THEN [] ELSE lanes END AS l
      WITH DISTINCT coalesce(l.fairness_key, '') AS key ORDER BY key
      MATCH (x:Share {key: key})
      SET x.lk = 0
    }
    CALL (lanes, command_id) {
      UNWIND lanes AS l
      WITH l, command_id WHERE $spread = 1
      WITH l, command_id ORDER BY l.key
      SET l.lk = 0
    }

    // 4. Look again under these locks. The agent is matched anew, since the runtime keeps
    //    properties that it has read. Where the order need not be strict, $spread times as many
    //    tasks are looked at, and some of them taken at random, so that agents that come together
    //    seldom want the same ones. Where a workflow is being cancelled, a lane may begin with a
    //    hundred thousand tasks of it, which are not passed over twice (`first`).
    WITH lanes, agent_id, command_id, task_types, paused, first, turn, request
    MATCH (a:Agent {agent_id: agent_id})
    WITH a, command_id, task_types, paused, first, turn, request,
         [l IN lanes WHERE INCLUDE agents/serves] AS served,
         INCLUDE agents/slots - a.active_tasks AS free,
         INCLUDE budgets/payers AS paying,
         CASE WHEN paused = [] THEN 0 ELSE first END AS since
    CALL (a, served, task_types, paused, since, turn) {
      WITH a, served, task_types, paused, since WHERE turn IS NULL
      UNWIND served AS l
      CALL (a, l, task_types, paused, since) {
        MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key)
        WHERE t.lane = l.key AND t.ready_key >= since
          AND INCLUDE tasks/wanted AND INCLUDE tasks/independent
        RETURN t ORDER BY t.lane, t.ready_key LIMIT $limit * $spread
      }
      WITH t, t.ready_key - INCLUDE agents/bonus AS key ORDER BY key LIMIT $limit * $spread
      WITH t, CASE WHEN $spread = 1 THEN toFloat(key) ELSE rand() END AS place
      ORDER BY place
      INCLUDE tasks/within_limits
      RETURN collect(t) AS in_order
    }
    CALL (a, served, task_types, paused, since, turn) {
      WITH a, served, task_types, paused, since, turn WHERE turn IS NOT NULL
      UNWIND served AS l
      CALL (a, l, task_types, paused, since) {
        MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key)
        WHERE t.lane = l.key AND t.ready_key >= since
          AND INCLUDE tasks/wanted AND INCLUDE tasks/independent
        RETURN t ORDER BY t.lane, t.ready_key LIMIT $limit * $spread
      }
      WITH *, INCLUDE agents/bonus AS bonus
      WITH a, coalesce(l.fairness_key, '') AS share, collect(INCLUDE tasks/of_share) AS all_own
      CALL (all_own) {
        UNWIND all_own AS one
        WITH one ORDER BY one.level, one.key LIMIT $limit * $spread
        RETURN collect(one) AS own
      }
      INCLUDE tasks/turns
      WITH t, level, tag, chance, key, virtual
      ORDER BY level, tag, chance, key LIMIT $limit * $spread
      WITH collect(t) AS found, max(virtual) AS virtual
      UNWIND range(0, size(found) - 1) AS at
      WITH virtual, found[at] AS t, CASE WHEN $spread = 1 THEN toFloat(at) ELSE rand() END AS place
      ORDER BY place
      WITH collect({t: t, place: place}) AS ordered, max(virtual) AS virtual
      CALL (ordered) {
        UNWIND ordered AS it
        WITH it.t AS t, it.place AS place
        INCLUDE tasks/within_limits
        RETURN collect(t) AS within
      }
      RETURN within AS in_turn, virtual
    }
    WITH *, CASE WHEN turn IS NULL THEN in_order ELSE in_turn END AS open
    WITH a, turn, virtual, paying, command_id, request,
         open[..CASE WHEN free < 0 THEN 0 WHEN free < request.limit THEN free
                     ELSE request.limit END] AS answered
    WITH *, [t IN answered | INCLUDE tasks/letters] AS letters
    WITH *, INCLUDE tasks/fitting AS fitting
    WITH a, turn, virtual, paying, command_id, request, answered[..fitting] AS chosen
    CALL (paying, chosen) {
      UNWIND paying + [t IN chosen WHERE t.charges IS NOT NULL | t.charges] AS key
      MATCH (b:Budget {key: key})
      WITH DISTINCT b ORDER BY b.key
      SET b.lk = 0
    }

    // 5. Lock these tasks, and hand over those that are still ready. They are locked in the order
    //    of their ids, and handed over in that of the queue.
    CALL (a, chosen, command_id, request) {
      WITH *, [t IN chosen | t.task_id] AS chosen_ids
      UNWIND range(0, size(chosen) - 1) AS position
      WITH a, request, command_id, chosen_ids, position, chosen[position] AS t ORDER BY t.task_id
      SET t.lk = 0
      WITH a, request, command_id, chosen_ids, position, t, datetime.realtime() AS now
      WHERE t.status = 'pending' AND t.unmet = 0 AND coalesce(t.available_at <= now, true)
        AND INCLUDE workflows/open_to
        // Of two tasks that are chosen together, one may have to be independent of the other.
        AND none(id IN coalesce(t.independent_of, []) WHERE id IN chosen_ids)
      WITH a, request, command_id, t, now, [] AS paid, true AS closes ORDER BY position
      INCLUDE tasks/reserve
      WITH a, request, command_id, max(now) AS now,
           collect({t: t, estimate: estimate, charged: charged}) AS taken
      UNWIND range(0, size(taken) - 1) AS place
      WITH a, now, taken[place].t AS t, taken[place].estimate AS estimate,
           taken[place].charged AS charged, place, command_id, command_id + ':' + place AS event_id,
           request.worker_id AS worker_id,
           request.start AND place < coalesce(request.begin, request.limit) AS start,
           request.lease_seconds AS lease_seconds
      INCLUDE tasks/hand_over
      WITH t, place ORDER BY place
      RETURN collect(t) AS taken
    }

    // 6. Count what was taken: once for each limit, each share and the agent, since each SET is a write.
    CALL (taken) {
      UNWIND taken AS t
      MATCH (x:Limit {key: t.concurrency_key})
      WITH x, count(*) AS more
      INCLUDE limits/count
    }
    CALL (a, taken, turn, virtual) {
      UNWIND CASE WHEN turn IS NULL THEN [] ELSE taken END AS t
      WITH a, virtual, coalesce(t.fairness_key, '') AS key, count(*) AS more
      MATCH (x:Share {key: key})
      WITH a, virtual, x, more, 1.0 / x.weight AS step
      WITH *, CASE WHEN x.served < virtual - step THEN virtual - step ELSE x.served END AS start
      SET x.served = start + step * more
      WITH a, virtual, max(CASE WHEN start > virtual + step THEN virtual + step ELSE start END
                           + step * (more - 1)) AS last
      SET a.virtual = CASE WHEN last > virtual THEN last ELSE virtual END
    }
    SET a.active_tasks = a.active_tasks + size(taken),
        a.total_assigned = a.total_assigned + size(taken)
    FOREACH (t IN taken[..1] | SET a.last_assigned_at = t.assigned_at)
    RETURN taken, CASE WHEN taken = [] THEN 1 ELSE 0 END AS missed
    UNION
    WITH a, lanes WHERE size(lanes) = 0
    RETURN [] AS taken, 0 AS missed
  }
  RETURN taken, handed, replayed, missed AS lost, coalesce(lanes_seen, 0) AS lanes_seen
}

// 7. Answer with the tasks as a client reads them.
WITH *, taken AS answered
INCLUDE tasks/answers
RETURN number, tasks, edges, left, due, handed, replayed, lost, lanes_seen
