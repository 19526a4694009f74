// Whether a claim is worth a try: something ready that the agent serves, something that was assigned
// to it, or a task to be looked at.
// mode: read
// params: agent_id, task_types
// returns: ready
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
CALL () {
  OPTIONAL MATCH (x:Task) USING INDEX x:Task(due_at) WHERE x.due_at <= datetime()
  RETURN x IS NOT NULL AS due LIMIT 1
}
// include tasks/handed
CALL (a) {
  OPTIONAL MATCH (a)-[:SERVES]->(l:Lane)
  WHERE a.active_tasks < a.max_concurrent_tasks
    AND NOT EXISTS { MATCH (l)-[:LIMITED_BY]->(x:Limit) WHERE x.active >= x.max }
    AND EXISTS {
      MATCH (t:Task) USING INDEX t:Task(lane, ready_key)
      WHERE t.lane = l.key AND t.ready_key >= 0
        AND NOT a.agent_id IN coalesce(t.excluded_agents, [])
        AND ($task_types IS NULL OR t.task_type IN $task_types)
    }
  RETURN l IS NOT NULL AS found LIMIT 1
}
RETURN due OR handed OR found AS ready
