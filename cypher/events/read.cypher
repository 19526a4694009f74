// Returns the events after a place in the log, in its order. `last` is the end of the log; `more`
// says that events have been committed which are not in it yet.
// mode: read
// params: $after: INTEGER, $types: LIST<STRING>, $task_type: STRING, $workflow_id: STRING,
//   $agent_id: STRING, $team_id: STRING, $skill: STRING, $task_fields: LIST<STRING>, $limit: INTEGER
// returns: events, last, more
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH $after AS after, coalesce(g.last, 0) AS upto, coalesce(g.given > g.last, false) AS more,
     {workflow_id: $workflow_id, agent_id: $agent_id, team_id: $team_id, skill: $skill} AS f
INCLUDE events/matching
RETURN events, upto AS last, more OR EXISTS { (:NewEvent) } AS more
