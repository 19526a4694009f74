// Returns what ranks some agents. Ids of agents that do not exist are left out.
// mode: read
// params: $agent_ids: LIST<STRING>
// returns: agent_id, success_rate, active_tasks, max_concurrent_tasks, last_assigned_at
CYPHER 5
UNWIND $agent_ids AS id
MATCH (a:Agent {agent_id: id})
RETURN a.agent_id AS agent_id, a.success_rate AS success_rate, a.active_tasks AS active_tasks,
       a.max_concurrent_tasks AS max_concurrent_tasks, a.last_assigned_at AS last_assigned_at
