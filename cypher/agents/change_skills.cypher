// Gives an agent skills and takes skills from it. The list of keys on the agent, which says the
// same as its edges, spares routing and claims an expansion for each agent.
// Locks: the agent.
// mode: write
// params: $agent_id: STRING, $skills: LIST<STRING>, $added: LIST<STRING>, $removed: LIST<STRING>,
//   $confidence: FLOAT
// returns: agent, names
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
SET a.skills = $skills
WITH a
CALL (a) {
  UNWIND $removed AS key
  MATCH (k:Skill {key: key})
  MATCH (a)-[h:HAS_SKILL]->(k)
  DELETE h
}
CALL (a) {
  UNWIND $added AS key
  MATCH (k:Skill {key: key})
  CREATE (a)-[:HAS_SKILL {confidence: $confidence, learned_at: datetime()}]->(k)
}
RETURN INCLUDE agents/answer
