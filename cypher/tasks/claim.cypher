// pending -> assigned for the best ready tasks that an agent's skills cover, as many as it has free
// slots, and where `start` is asked -> running for the first `begin` of them, or all; for each of some
// requests, one after the other. $limit: the most that one of them asks for. What is given out is 8 MB at most, or one task for each.
// `due`: the queue must look at tasks whose time has come; where $heed_due, that comes first, and
// nothing is given out. `handed`: somebody has assigned a task to the agent, which is to be taken up.
// `replayed`: this very command was applied before. `lost`: there was something to take, and others
// have taken it.
// Locks: the agents, where there are several, then for each request the agent, the limits, the lanes
// (where order is strict, spread = 1), the tasks; each kind ascending. The requests come by agent_id.
// Where there is one request, and nothing to choose, nothing is locked.
// mode: write
// params: requests, limit, spread, heed_due
// returns: number, tasks, edges, left, due, handed, replayed, lost, lanes_seen
CYPHER 5
CALL () {
  UNWIND $requests AS request
  WITH request WHERE size($requests) > 1
  MATCH (a:Agent {agent_id: request.agent_id})
  SET a.lk = request.command_id
}
// include tasks/is_due
UNWIND range(0, size($requests) - 1) AS number
WITH due, number, $requests[number] AS request
MATCH (a:Agent {agent_id: request.agent_id})
CALL (a, due, request) {
  WITH a, due, request, request.agent_id AS agent_id, request.command_id AS command_id,
       request.task_types AS task_types, request.take_up AS take_up
  // include tasks/handed
  OPTIONAL MATCH (e:TaskEvent {event_id: command_id + ':0'})
  WITH a, due, handed, request, agent_id, command_id, task_types, e IS NOT NULL AS replayed
  CALL (a, due, replayed, task_types) {
    WITH a, task_types
    WHERE NOT replayed AND NOT (due AND $heed_due) AND a.active_tasks < a.max_concurrent_tasks
    // include tasks/best
    UNWIND CASE WHEN best = [] THEN [null] ELSE best END AS t
    OPTIONAL MATCH (l:Lane {key: t.lane})
    RETURN collect(DISTINCT l) AS lanes, max(lanes_seen) AS lanes_seen
  }
  CALL (a, lanes, agent_id, command_id, task_types, request) {
    WITH a, lanes, agent_id, command_id, task_types, request WHERE size(lanes) > 0
    SET a.lk = command_id
    WITH lanes, agent_id, command_id, task_types, request
    CALL (lanes, command_id) {
      UNWIND lanes AS l
      MATCH (l)-[:LIMITED_BY]->(x:Limit)
      WITH DISTINCT x, command_id ORDER BY x.key
      SET x.lk = 0
    }
    CALL (lanes, command_id) {
      UNWIND lanes AS l
      WITH l, command_id WHERE $spread = 1
      WITH l, command_id ORDER BY l.key
      SET l.lk = 0
    }
    // Matched anew, so that nothing read before the lock is used.
    WITH lanes, agent_id, command_id, task_types, request
    MATCH (a:Agent {agent_id: agent_id})
    WITH a, command_id, task_types, request, [l IN lanes WHERE all(key IN l.skills WHERE key IN a.skills)] AS served,
         a.max_concurrent_tasks - a.active_tasks AS free
    CALL (a, served, task_types) {
      UNWIND served AS l
      CALL (a, l, task_types) {
        // include tasks/open_in_lane
        RETURN t ORDER BY t.lane, t.ready_key LIMIT $limit * $spread
      }
      WITH l, t, t.ready_key AS ready_key ORDER BY ready_key LIMIT $limit * $spread
      WITH l, t, CASE WHEN $spread = 1 THEN toFloat(ready_key) ELSE rand() END AS place
      ORDER BY place
      OPTIONAL MATCH (l)-[:LIMITED_BY]->(x:Limit)
      WITH x, collect({t: t, place: place}) AS chosen
      UNWIND CASE WHEN x IS NULL THEN chosen
             WHEN x.active >= x.max THEN []
             ELSE chosen[..x.max - x.active] END AS one
      WITH one.t AS t ORDER BY one.place
      RETURN collect(t) AS open
    }
    WITH a, command_id, request, open[..CASE WHEN free < 0 THEN 0 WHEN free < request.limit THEN free ELSE request.limit END] AS answered
    WITH a, command_id, request, answered,
    // include tasks/fitting
    AS fitting
    WITH a, command_id, request, answered[..fitting] AS chosen
    CALL (a, chosen, command_id, request) {
      UNWIND range(0, size(chosen) - 1) AS position
      WITH a, request, command_id, position, chosen[position] AS t ORDER BY t.task_id
      SET t.lk = 0
      WITH a, request, command_id, position, t, datetime.realtime() AS now
      WHERE t.status = 'pending' AND t.unmet = 0 AND coalesce(t.available_at <= now, true)
      WITH a, request, command_id, t, now ORDER BY position
      WITH a, request, command_id, max(now) AS now, collect(t) AS taken
      UNWIND range(0, size(taken) - 1) AS place
      WITH a, now, taken[place] AS t, place, command_id, command_id + ':' + place AS event_id,
           request.worker_id AS worker_id, request.start AND place < coalesce(request.begin, request.limit) AS start,
           request.lease_seconds AS lease_seconds
      // include tasks/hand_over
      WITH t, place ORDER BY place
      RETURN collect(t) AS taken
    }
    CALL (taken) {
      UNWIND taken AS t
      MATCH (x:Limit {key: t.concurrency_key})
      WITH x, count(*) AS more
      SET x.active = x.active + more
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
WITH *, taken AS answered
// include tasks/answers
RETURN number, tasks, edges, left, due, handed, replayed, lost, lanes_seen
