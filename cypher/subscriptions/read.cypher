// Returns the events of a subscription after a place in the log ($after, or where it is), in the order
// of the log; it looks at $window places at most, up to `upto`. `last` is the end of the log; `more`
// says that events have been committed which are not in it yet. `held` says that somebody
// else than $reader reads it. No row means that there is no such subscription.
// mode: read
// params: $subscription: STRING, $reader: STRING, $after: INTEGER, $window: INTEGER, $types: LIST<STRING>,
//   $task_type: STRING, $limit: INTEGER
// returns: events, position, upto, last, more, held
CYPHER 5
MATCH (s:Subscription {name: $subscription})
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH s, coalesce(g.last, 0) AS last, coalesce(g.given > g.last, false) AS more,
     coalesce($after, s.position) AS after
WITH s, last, more, after, CASE WHEN after + $window < last THEN after + $window ELSE last END AS upto
CALL (s, after, upto) {
  MATCH (e:TaskEvent) USING INDEX SEEK e:TaskEvent(position)
  WHERE after < e.position <= upto AND e.type IN $types
    AND CASE WHEN s.agent_id IS NULL THEN true ELSE coalesce(e.agent_id = s.agent_id, false) END
    AND CASE WHEN s.team_id IS NULL THEN true ELSE EXISTS {
      MATCH (a:Agent {agent_id: e.agent_id})-[:MEMBER_OF]->(g) WHERE g.team_id = s.team_id
    } END
  MATCH (e)<-[:HAS_EVENT]-(t:Task)
  WHERE CASE WHEN $task_type IS NULL THEN true ELSE t.task_type =~ $task_type END
    AND CASE WHEN s.workflow_id IS NULL THEN true
             ELSE coalesce(t.workflow_id = s.workflow_id, false) END
    AND CASE WHEN s.skill IS NULL THEN true
             ELSE EXISTS { (t)-[:REQUIRES]->(k) WHERE k.key = s.skill } END
  WITH e ORDER BY e.position LIMIT $limit
  RETURN collect(INCLUDE events/row) AS events
}
RETURN events, s.position AS position, upto, last, more OR EXISTS { (:NewEvent) } AS more,
       coalesce(s.lease_until > datetime.realtime() AND s.reader <> coalesce($reader, ''), false)
         AS held
