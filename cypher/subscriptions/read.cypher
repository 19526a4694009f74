// Returns the events of a subscription after a place in the log ($after, or where it is), in the order
// of the log; it looks at $window places at most, up to `upto`. `last` is the end of the log; `more`
// says that events have been committed which are not in it yet. `held` says that somebody
// else than $reader reads it. `replays`: how often it went back; `unheeded`: nobody has read it since. No row means that there is no such subscription.
// mode: read
// params: $subscription: STRING, $reader: STRING, $after: INTEGER, $window: INTEGER, $types: LIST<STRING>,
//   $task_type: STRING, $task_fields: LIST<STRING>, $limit: INTEGER
// returns: events, position, upto, last, more, held, replays, unheeded
CYPHER 5
MATCH (s:Subscription {name: $subscription})
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH s, coalesce(g.last, 0) AS last, coalesce(g.given > g.last, false) AS more,
     coalesce($after, s.position) AS after
WITH s, last, more, after, CASE WHEN after + $window < last THEN after + $window ELSE last END AS upto,
     s {.agent_id, .team_id, .workflow_id, .skill} AS f
INCLUDE events/matching
RETURN events, s.position AS position, upto, last, more OR EXISTS { (:NewEvent) } AS more,
       coalesce(s.lease_until > datetime.realtime() AND s.reader <> coalesce($reader, ''), false)
         AS held,
       coalesce(s.replays, 0) AS replays, coalesce(s.replays > coalesce(s.heeded, 0), false) AS unheeded
