// Add lanes, and join to each the agents that have all of its skills. Its skills are locked.
// mode: write
// params: lanes, command_id
// returns: key
CYPHER 5
UNWIND $lanes AS lane
MERGE (l:Lane {key: lane.key})
ON CREATE SET l.size = size(lane.skills), l.skills = lane.skills, l.added_by = $command_id
WITH l WHERE l.added_by = $command_id
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
RETURN l.key AS key
