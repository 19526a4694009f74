// Give an agent skills and take skills from it. The agent is locked.
// mode: write
// params: agent_id, skills, added, removed, confidence
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
RETURN
// include agents/answer
