// Pauses an agent, a task type, a workflow or the queue: nothing of it is given out. One that is paused
// already is paused anew. No row means that there is no such agent or workflow.
// Locks: the agent, or the pause.
// mode: write
// params: $kind: STRING, $id: STRING, $key: STRING, $seconds: FLOAT, $reason: STRING, $by: STRING
// returns: pause
CYPHER 5
CALL () {
  WITH 1 AS one WHERE $kind = 'agent'
  MATCH (a:Agent {agent_id: $id})
  SET a.lk = 0
  WITH a, datetime.realtime() AS now
  SET a.paused_at = now, a.paused_until = now + duration('PT1S') * $seconds,
      a.paused_reason = $reason, a.paused_by = $by
  RETURN INCLUDE pauses/of_agent AS pause
  UNION
  WITH 1 AS one
  WHERE $kind IN ['queue', 'task_type']
    OR $kind = 'workflow' AND EXISTS { MATCH (w:Workflow {workflow_id: $id}) }
  MERGE (p:Pause {key: $key})
  SET p.lk = 0
  WITH p, datetime.realtime() AS now
  SET p:Due, p.at = now, p.until = now + duration('PT1S') * $seconds, p.reason = $reason, p.by = $by
  SET p.due_at = CASE WHEN $kind = 'queue' THEN p.until ELSE now END
  RETURN INCLUDE pauses/row AS pause
}
RETURN pause
