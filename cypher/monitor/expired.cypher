// Returns which agents let leases run out. It looks at the tries of the tasks that finished last,
// of those that are held, and of the first that are ready: $look tasks of each kind at most.
// mode: read
// params: $look: INTEGER
// returns: agent_id, tries, expired, shortest_seconds, avg_completion_ms
CYPHER 5
CALL () {
  CALL () {
    MATCH (t:Task) USING INDEX SEEK t:Task(completed_at)
    WHERE t.completed_at > datetime({epochSeconds: 0})
    RETURN t ORDER BY t.completed_at DESC LIMIT $look
    UNION ALL
    MATCH (t:Task) USING INDEX SEEK t:Task(ready_key) WHERE t.ready_key >= 0
    RETURN t ORDER BY t.ready_key LIMIT $look
    UNION ALL
    MATCH (t:AssignedTask) RETURN t LIMIT $look
    UNION ALL
    MATCH (t:RunningTask) RETURN t LIMIT $look
  }
  RETURN DISTINCT t
}
MATCH (t)-[r:ASSIGNED_TO]->(a:Agent)
WITH a, count(r) AS tries,
     sum(CASE WHEN r.outcome = 'expired' THEN 1 ELSE 0 END) AS expired,
     min(CASE WHEN r.outcome = 'expired'
           THEN duration.inSeconds(r.assigned_at, r.ended_at).seconds END) AS shortest_seconds
WHERE expired > 0
RETURN a.agent_id AS agent_id, tries, expired, shortest_seconds,
       a.avg_completion_ms AS avg_completion_ms
ORDER BY expired DESC, agent_id
