// Agents that have one of some skills, after a place in the order of their ids, with these skills.
// mode: read
// params: keys, after, limit
// returns: agent, held
// seconds: 120
CYPHER 5
CALL () {
  UNWIND $keys AS key
  MATCH (:Skill {key: key})<-[:HAS_SKILL]-(a:Agent)
  WHERE a.agent_id > $after
  RETURN DISTINCT a ORDER BY a.agent_id LIMIT $limit
}
// include export/agent
