// Counts the events after a place in the log, at most those of $most places, up to `upto`: how many there
// are of each type, reason, task type and slot of time (of $slot_seconds), and how long what they end took:
// for a start, the wait since the task was ready; for the end of a try, its run since its start. `bucket` says
// how many of $bounds that exceeded, and `took` is the sum; both are in microseconds, and null where it is not known:
// of a task with more than $most_events events, or that waited for more than $most_waits others,
// it is not asked, so that the answer costs the same whatever the tasks are. `last` is the end of the
// log; `unplaced` are the events that have been committed and are not in it yet; `now` is the server's time.
// mode: read
// seconds: 60
// params: $after: INTEGER, $most: INTEGER, $bounds: LIST<INTEGER>, $slot_seconds: INTEGER,
//   $most_events: INTEGER, $most_waits: INTEGER
// returns: counted, upto, last, unplaced, now
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last, coalesce(g.given - g.last, 0) AS given,
     datetime.realtime() AS clock
CALL () { MATCH (n:NewEvent) RETURN count(n) AS fresh }
WITH *, CASE WHEN $after + $most < last THEN $after + $most ELSE last END AS upto
CALL (upto) {
  MATCH (e:TaskEvent) USING INDEX SEEK e:TaskEvent(position)
  WHERE $after < e.position <= upto
  MATCH (e)<-[:HAS_EVENT]-(t:Task)
  CALL (e, t) {
    WITH e, t, CASE
        WHEN coalesce(t.events, 0) > $most_events THEN []
        WHEN e.type = 'started' THEN ['created', 'try_failed', 'released', 'suspended', 'retried']
        WHEN e.type IN ['completed', 'try_failed', 'failed', 'released', 'suspended', 'cancelled']
          THEN ['started']
        ELSE [] END AS before
    WITH e, t, before WHERE before <> []
    MATCH (t)-[:HAS_EVENT]->(x:TaskEvent)
    WHERE x.type IN before AND x.seq < e.seq AND (e.type = 'started' OR x.attempt = e.attempt)
    RETURN max(x.at) AS began
  }
  CALL (e, t, began) {  // A task that was back in the queue may have had to wait for more.
    WITH e, t, began
    WHERE e.type = 'started' AND began IS NOT NULL
      AND COUNT { (t)-[:DEPENDS_ON|AWAITS|WAITS_FOR]->() } <= $most_waits
    UNWIND [began, t.available_at] + COLLECT {
      MATCH (t)-[:DEPENDS_ON|AWAITS|WAITS_FOR]->(d)
      RETURN coalesce(d.completed_at, d.decided_at)
    } AS at
    WITH at WHERE at <= e.at
    RETURN max(at) AS ready
  }
  WITH e.type AS type, e.reason AS reason, t.task_type AS task_type,
       e.at.epochSeconds / $slot_seconds * $slot_seconds AS slot, e.at AS at,
       CASE WHEN e.type = 'started' THEN ready ELSE began END AS since
  WITH type, reason, task_type, slot,
       (at.epochSeconds - since.epochSeconds) * 1000000 + at.microsecond - since.microsecond AS took
  WITH type, reason, task_type, slot, took,
       CASE WHEN took IS NOT NULL THEN size([bound IN $bounds WHERE bound < took]) END AS bucket
  WITH type, reason, task_type, slot, bucket, count(*) AS number, sum(took) AS took
  RETURN collect({type: type, reason: reason, task_type: task_type, slot: slot, bucket: bucket,
                  number: number, took: CASE WHEN bucket IS NOT NULL THEN took END}) AS counted
}
RETURN counted, upto, last, given + fresh AS unplaced,
       clock.epochSeconds * 1000000 + clock.microsecond AS now
