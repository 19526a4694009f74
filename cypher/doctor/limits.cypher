// Finds limits whose active count is not the number of tasks with their key that agents hold. With
// $nodes it puts these right, and locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (x:Limit) WHERE $nodes IS NULL OR x.key IN $nodes
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET x.lk = $command_id)
WITH collect(x) AS limits
CALL () {
  MATCH (t:AssignedTask|RunningTask) WHERE t.concurrency_key IS NOT NULL
  WITH t.concurrency_key AS key, count(*) AS number
  RETURN collect([key, number]) AS held
}
UNWIND limits AS x
WITH x, x.active AS found,
     coalesce([pair IN held WHERE pair[0] = x.key | pair[1]][0], 0) AS expected
WHERE found <> expected
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET x.active = expected)
RETURN x.key AS node, expected, found
