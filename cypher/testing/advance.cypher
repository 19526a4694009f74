// Moves every time that the graph holds back, as if so many seconds had passed since: for tests. The
// tasks of schedules give up the keys of their ticks, which come again when the clock does not move.
// mode: write
// params: $seconds: FLOAT, $schedule_keys: STRING, $command_id: STRING
// returns: number
CYPHER 5
MATCH (n:Task|Agent|Worker|Workflow|Gate|Schedule|TaskEvent|Step|GraphOrchSchema|Pause|Limit|Share|
         Subscription|Delivery|Attempt|TriggerGroup|Firing|DeadLetter)
SET n.times = [at IN n.times | at - duration('PT1S') * $seconds],
    n.queue_key = n.queue_key - toInteger($seconds * 1000000),
    n.ready_key = n.ready_key
      - CASE WHEN n.ready_key < 0 THEN -1 ELSE 1 END * toInteger($seconds * 1000000),
    n.idempotency_key = CASE
      WHEN n.idempotency_key STARTS WITH $schedule_keys THEN n.idempotency_key + ' ' + $command_id
      ELSE n.idempotency_key
    END
WITH n
CALL (n) {
  UNWIND [name IN keys(n) WHERE n[name] IS :: ZONED DATETIME] AS name
  SET n[name] = n[name] - duration('PT1S') * $seconds
}
RETURN count(n) AS number
