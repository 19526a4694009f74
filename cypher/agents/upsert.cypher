// Registers an agent, revives one that was deregistered, or updates one. The record of its work and
// its skills stay as they are. Slots, labels and metadata that are null stay as they were; an agent that
// was deregistered has none to keep. The caller changes the skills, which are returned, while the
// agent is locked.
// Locks: the agent.
// mode: write
// params: $agent_id: STRING, $max_concurrent_tasks: INTEGER, $default_slots: INTEGER,
//   $labels: LIST<STRING>, $metadata: STRING, $command_id: STRING
// returns: skills
CYPHER 5
CALL () {
  MATCH (r:RetiredAgent {agent_id: $agent_id})
  SET r.lk = $command_id
  WITH r WHERE r:RetiredAgent  // Read again: others may have revived it.
  REMOVE r:RetiredAgent, r.max_concurrent_tasks, r.metadata, r.breaker_failures, r.breaker_seconds,
         r.failures_in_row, r.failed_by, r.paused_at, r.paused_until, r.paused_reason, r.paused_by,
         r.labels
  SET r:Agent, r.skills = []
}
MERGE (a:Agent {agent_id: $agent_id})
ON CREATE SET
  a.active_tasks = 0, a.total_completed = 0, a.total_failed = 0, a.total_assigned = 0,
  a.success_rate = 1.0, a.avg_completion_ms = 0.0, a.queue_completed = 0, a.queue_ms = 0.0,
  a.skills = [], a.registered_at = datetime()
SET a.lk = $command_id
SET a.max_concurrent_tasks =
      coalesce($max_concurrent_tasks, a.max_concurrent_tasks, $default_slots),
    a.labels = coalesce($labels, a.labels),
    a.metadata = coalesce($metadata, a.metadata),
    a.last_seen_at = datetime()
SET a.terms = INCLUDE agents/terms
RETURN a.skills AS skills
