// Changes how sure an agent is of a skill that it has.
// mode: write
// params: $agent_id: STRING, $key: STRING, $confidence: FLOAT
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})-[h:HAS_SKILL]->(k:Skill {key: $key})
SET h.confidence = $confidence
