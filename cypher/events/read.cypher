// Returns the events after a place in the log, in its order. `last` is the end of the log; `more`
// says that events have been committed which are not in it yet.
// mode: read
// params: $after: INTEGER, $types: LIST<STRING>, $workflow_id: STRING, $limit: INTEGER
// returns: events, last, more
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last, coalesce(g.given > g.last, false) AS more
CALL (last) {
  MATCH (e:TaskEvent) USING INDEX SEEK e:TaskEvent(position)
  WHERE $after < e.position <= last AND ($types IS NULL OR e.type IN $types)
    AND ($workflow_id IS NULL
         OR EXISTS { (e)<-[:HAS_EVENT]-(t:Task) WHERE t.workflow_id = $workflow_id })
  WITH e ORDER BY e.position LIMIT $limit
  RETURN collect(INCLUDE events/row) AS events
}
RETURN events, last, more OR EXISTS { (:NewEvent) } AS more
