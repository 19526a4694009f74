// Gives agents that have one of some skills ($keys: old key -> key) the skill that it has become,
// and takes the old one from them; at most $limit agents. An agent that had both becomes as sure of
// the skill as it was of the surer.
// Locks: the agents, ascending.
// mode: write
// seconds: 120
// params: $keys: MAP, $limit: INTEGER, $command_id: STRING
// returns: number
CYPHER 5
CALL () {
  UNWIND keys($keys) AS key
  MATCH (:Skill {key: key})<-[:HAS_SKILL]-(a:Agent)
  RETURN DISTINCT a LIMIT $limit
}
WITH a ORDER BY a.agent_id
SET a.lk = $command_id
WITH a
CALL (a) {
  MATCH (a)-[old:HAS_SKILL]->(k:Skill) WHERE $keys[k.key] IS NOT NULL
  MATCH (n:Skill {key: $keys[k.key]})
  MERGE (a)-[h:HAS_SKILL]->(n)
  ON CREATE SET h = properties(old)
  ON MATCH SET h.confidence =
    CASE WHEN old.confidence > h.confidence THEN old.confidence ELSE h.confidence END
  DELETE old
}
CALL (a) {
  MATCH (a)-[:HAS_SKILL]->(k:Skill)
  WITH k.key AS key ORDER BY key
  RETURN collect(key) AS skills
}
SET a.skills = skills
RETURN count(a) AS number
