// Add lanes, and join to each the agents that have all of its skills. Its skills are locked. A lane
// with a concurrency key is joined to the limit of that key, which is 1 until someone sets it.
// mode: write
// params: lanes, command_id
// returns: key
CYPHER 5
UNWIND $lanes AS lane
MERGE (l:Lane {key: lane.key})
ON CREATE SET l.size = size(lane.skills), l.skills = lane.skills, l.added_by = $command_id,
              l.concurrency_key = lane.concurrency_key
WITH l WHERE l.added_by = $command_id
CALL (l) {
  WITH l WHERE l.concurrency_key IS NOT NULL
  MERGE (x:Limit {key: l.concurrency_key})
  ON CREATE SET x.max = 1, x.active = 0
  CREATE (l)-[:LIMITED_BY]->(x)
}
CALL (l) {
  UNWIND l.skills AS key
  MATCH (k:Skill {key: key})
  CREATE (l)-[:NEEDS]->(k)
  WITH k ORDER BY COUNT { (k)<-[:HAS_SKILL]-() }
  RETURN collect(k)[0] AS rarest
}
CALL (l, rarest) {
  MATCH (rarest)<-[:HAS_SKILL]-(a:Agent)
  WHERE all(key IN l.skills WHERE key IN a.skills)
  CREATE (a)-[:SERVES]->(l)
}
CALL (l) {  // what requires nothing is for every agent
  WITH l WHERE l.size = 0
  MATCH (a:Agent)
  CREATE (a)-[:SERVES]->(l)
}
RETURN l.key AS key
