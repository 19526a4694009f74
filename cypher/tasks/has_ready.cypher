// For each of some agents whether a claim is worth a try: something ready that it serves, something
// that was assigned to it, or a task to be looked at.
// mode: read
// params: agent_ids, take_up, task_types
// returns: agent_id, ready
CYPHER 5
// include tasks/is_due
MATCH (a:Agent) USING INDEX SEEK a:Agent(agent_id)
WHERE a.agent_id IN $agent_ids
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
RETURN a.agent_id AS agent_id, due OR handed OR found AS ready
