// Every agent, with the names of its skills, by id.
// mode: read
// returns: agent, names
CYPHER 5
MATCH (a:Agent)
RETURN properties(a) AS agent, [(a)-[:HAS_SKILL]->(k:Skill) | [k.key, k.name]] AS names
ORDER BY a.agent_id
