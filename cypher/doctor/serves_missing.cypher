// An agent serves every lane whose skills it has: the edges that are missing.
// mode: write
// params: repair, command_id
// returns: node, expected, found
CYPHER 5
MATCH (a:Agent)
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END | SET a.lk = $command_id)
WITH a
CALL (a) {
  MATCH (l:Lane) USING INDEX l:Lane(size)
  WHERE l.size = 0
  RETURN l
  UNION
  UNWIND a.skills AS key
  MATCH (:Skill {key: key})<-[:NEEDS]-(l:Lane)
  RETURN l
}
WITH a, l
WHERE all(key IN l.skills WHERE key IN a.skills) AND NOT EXISTS { (a)-[:SERVES]->(l) }
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END | MERGE (a)-[:SERVES]->(l))
RETURN a.agent_id AS node, l.skills AS expected, null AS found
