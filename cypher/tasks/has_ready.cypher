// Says for each of some requests whether a claim by its agent is worth a try: tasks are ready that the
// agent serves (some of them: `heads`), or something was assigned to it, or the time of some task has
// come (`ready`). It also returns in how many seconds the next time comes.
// mode: read
// params: $requests: LIST<MAP>
// returns: number, ready, heads, due_in
CYPHER 5
INCLUDE tasks/is_due
INCLUDE pauses/paused
CALL () {
  MATCH (x:Task) USING INDEX SEEK x:Task(due_at) WHERE x.due_at > datetime()
  WITH x.due_at AS at ORDER BY at LIMIT 1
  RETURN min((at.epochMillis - datetime.realtime().epochMillis) / 1000.0) AS due_in
}
UNWIND range(0, size($requests) - 1) AS number
WITH due, due_in, paused, number, $requests[number].agent_id AS agent_id,
     $requests[number].take_up AS take_up, $requests[number].task_types AS task_types
MATCH (a:Agent {agent_id: agent_id})
INCLUDE tasks/handed
CALL (a, task_types, paused) {
  WITH a, task_types, paused, INCLUDE agents/has AS mine, INCLUDE budgets/payers AS paying
  WHERE a.active_tasks < INCLUDE agents/slots AND NOT 'queue' IN paused
  INCLUDE tasks/served_lanes
  WITH a, l, task_types, paused
  CALL (a, l, task_types, paused) {
    MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key)
    WHERE t.lane = l.key AND t.ready_key >= 0 AND INCLUDE tasks/wanted AND INCLUDE tasks/independent
    RETURN t LIMIT 16
  }
  WITH t LIMIT 16
  RETURN collect(t.task_id) AS heads
}
RETURN number, due OR handed AS ready, heads, due_in
