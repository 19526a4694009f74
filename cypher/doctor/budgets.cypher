// Finds budgets whose held amounts are not what the tries that hold tasks have reserved in them. With
// $nodes it puts these right, and locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (b:Budget) WHERE $nodes IS NULL OR b.key IN $nodes
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET b.lk = $command_id)
WITH collect(b) AS budgets
CALL () {
  MATCH (t:AssignedTask|RunningTask)-[r:ASSIGNED_TO]->()
  WHERE r.attempt = t.attempt AND r.charged IS NOT NULL
  UNWIND r.charged AS key
  RETURN collect({key: key, held: r.held}) AS reserved
}
UNWIND budgets AS b
WITH b, b.held AS found, reduce(total = [0, 0, 0, 0], one IN reserved |
  CASE one.key WHEN b.key THEN [i IN range(0, 3) | total[i] + one.held[i]] ELSE total END) AS expected
WHERE found <> expected
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END |
  SET b.held = expected REMOVE b.closed, b.closed_at)
RETURN b.key AS node, [it IN expected | toString(it)] AS expected, [it IN found | toString(it)] AS found
