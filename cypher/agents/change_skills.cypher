// Give an agent skills and take skills from it, and keep SERVES what follows from them. The agent
// and the skills are locked. Only the lanes of the skills that changed are looked at.
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
  UNWIND $removed AS key
  MATCH (k:Skill {key: key})
  MATCH (k)<-[:NEEDS]-(l:Lane)
  MATCH (a)-[s:SERVES]->(l)
  WITH DISTINCT s
  DELETE s
}
CALL (a) {
  UNWIND $added AS key
  MATCH (k:Skill {key: key})
  CREATE (a)-[:HAS_SKILL {confidence: $confidence, learned_at: datetime()}]->(k)
}
CALL (a) {
  UNWIND $added AS key
  MATCH (k:Skill {key: key})
  MATCH (k)<-[:NEEDS]-(l:Lane)
  WITH DISTINCT a, l
  WHERE all(s IN l.skills WHERE s IN $skills)
  CREATE (a)-[:SERVES]->(l)
}
RETURN properties(a) AS agent, [(a)-[:HAS_SKILL]->(k:Skill) | [k.key, k.name]] AS names
