// Makes deliveries of the events of a page, and moves the webhook behind them, both or nothing. So each
// event has one delivery, whoever reads the page meanwhile: for others the webhook is not at $from any
// more, and where it asks for other events meanwhile, it stays where it is. A delivery that there is, as events come again by a replay, is to be made again.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $from: INTEGER, $to: INTEGER, $rows: LIST<MAP>,
//   $pattern: STRING, $where: LIST<STRING>
// returns: number
CYPHER 5
MATCH (s:Subscription {name: $subscription})
SET s.lk = 0
WITH s WHERE s.deliver = 'webhook' AND s.disabled_at IS NULL AND s.position = $from
  AND s.pattern = $pattern AND coalesce(s.where, []) = $where
SET s.position = $to
WITH s, datetime.realtime() AS now
CALL (s, now) {
  UNWIND $rows AS row
  MERGE (d:Delivery {webhook: s.name, event_id: row.event_id})
  ON CREATE SET d.created_at = now, d.type = row.type, d.task_id = row.task_id, d.body = row.body
  SET d.due_at = now, d.tries = 0
  REMOVE d.delivered_at, d.failed_at
}
RETURN size($rows) AS number
