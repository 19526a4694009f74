// Whether a claim is worth a try: something ready that the agent serves, something that was assigned
// to it, or a task to be looked at.
// mode: read
// params: agent_id, take_up, task_types
// returns: ready
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
// include tasks/is_due
// include tasks/handed
CALL (a) {
  WITH a, a.skills + [''] AS mine WHERE a.active_tasks < a.max_concurrent_tasks
  // include tasks/served_lanes
  WITH a, l
  CALL (a, l) {
    // include tasks/open_in_lane
    RETURN t LIMIT 1
  }
  WITH t LIMIT 1
  RETURN count(t) > 0 AS found
}
RETURN due OR handed OR found AS ready
