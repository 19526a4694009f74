// For each of some requests whether a claim by its agent is worth a try: something ready that it serves, something
// that was assigned to it, or a task to be looked at.
// mode: read
// params: requests
// returns: number, ready
CYPHER 5
// include tasks/is_due
UNWIND range(0, size($requests) - 1) AS number
WITH due, number, $requests[number].agent_id AS agent_id, $requests[number].take_up AS take_up,
     $requests[number].task_types AS task_types
MATCH (a:Agent {agent_id: agent_id})
// include tasks/handed
CALL (a, task_types) {
  WITH a, task_types, a.skills + [''] AS mine WHERE a.active_tasks < a.max_concurrent_tasks
  // include tasks/served_lanes
  WITH a, l, task_types
  CALL (a, l, task_types) {
    // include tasks/open_in_lane
    RETURN t LIMIT 1
  }
  WITH t LIMIT 1
  RETURN count(t) > 0 AS found
}
RETURN number, due OR handed OR found AS ready
