// Returns agents that have one of some skills, after a place in the order of their ids, with these
// skills.
// mode: read
// seconds: 120
// params: $keys: LIST<STRING>, $after: STRING, $limit: INTEGER
// returns: agent, held
CYPHER 5
CALL () {
  UNWIND $keys AS key
  MATCH (:Skill {key: key})<-[:HAS_SKILL]-(a:Agent)
  WHERE a.agent_id > $after
  RETURN DISTINCT a ORDER BY a.agent_id LIMIT $limit
}
RETURN INCLUDE export/agent
