// Says which kinds of upkeep are due: whether the time of a task, a gate, a workflow or a pause has
// come; whether there is anything for a schedule to create; for a webhook to deliver; for triggers to
// look at, to do, or to give up (triggers/give_up), which is not looked at where $seconds is null; whether one of
// $functions is to be called.
// mode: read
// params: $functions: LIST<STRING>, $most: INTEGER, $seconds: FLOAT
// returns: tasks, scheduled, delivered, fired, called
CYPHER 5
INCLUDE tasks/is_due
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH due, coalesce(g.last, 0) AS last, datetime.realtime() AS now,
     coalesce(g.given > g.last, false) OR EXISTS { (:NewEvent) } AS more
RETURN due AS tasks, EXISTS {
  MATCH (s:Schedule) USING INDEX SEEK s:Schedule(next_at) WHERE s.next_at <= datetime()
} AS scheduled,
EXISTS {
  MATCH (s:Subscription) USING INDEX SEEK s:Subscription(deliver) WHERE INCLUDE webhooks/is_due
} OR more AND EXISTS {
  MATCH (s:Subscription) USING INDEX SEEK s:Subscription(deliver)
  WHERE s.deliver = 'webhook' AND s.disabled_at IS NULL
} AS delivered,
EXISTS { MATCH (s:Trigger) USING INDEX SEEK s:Trigger(position) WHERE s.position < last }
OR more AND EXISTS { (:Trigger) }
OR EXISTS { MATCH (s:Trigger) USING INDEX SEEK s:Trigger(next_at) WHERE s.next_at <= now }
OR EXISTS {
  MATCH (k:TriggerGroup) USING INDEX SEEK k:TriggerGroup(is_awaited, due_at)
  WHERE k.is_awaited IN [true, false] AND k.due_at <= now
}
OR EXISTS {
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(function, due_at)
  WHERE f.function = '' AND f.due_at <= now
}
OR EXISTS {
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(due_at)
  WHERE f.due_at <= now - duration('PT1S') * $seconds AND f.function > ''
}
OR EXISTS {
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(taken_by)
  WHERE f.taken_by > CASE WHEN $seconds IS NOT NULL THEN '' END AND f.tries >= $most AND f.due_at <= now
} AS fired,
EXISTS {
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(function, due_at)
  WHERE f.function IN $functions AND f.due_at <= now
} AS called
