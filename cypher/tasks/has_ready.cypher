// Whether a claim is worth a try: something ready that the agent serves, something that was assigned
// to it, or a task to be looked at.
// mode: read
// params: agent_id, task_types
// returns: ready
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
// include tasks/is_due
// include tasks/handed
CALL (a) {
  OPTIONAL MATCH (a)-[:SERVES]->(l:Lane)
  WHERE a.active_tasks < a.max_concurrent_tasks
    AND NOT EXISTS { MATCH (l)-[:LIMITED_BY]->(x:Limit) WHERE x.active >= x.max }
    AND EXISTS {
      // include tasks/open_in_lane
    }
  RETURN l IS NOT NULL AS found LIMIT 1
}
RETURN due OR handed OR found AS ready
