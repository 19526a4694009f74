// Deregister an agent that holds nothing: it loses its skills and its team, and keeps its history.
// mode: write
// params: agent_id, command_id
// returns: agent, names
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
WITH a,
// include agents/answer
CALL (a) { MATCH (a)-[e:HAS_SKILL]->() DELETE e }
CALL (a) {
  MATCH (a)-[m:MEMBER_OF]->(g:Team)
  SET g.lk = $command_id  // who counts under the lock counts right
  DELETE m
  WITH DISTINCT g
  SET g.size = COUNT { (g)<-[:MEMBER_OF]-() }
}
REMOVE a:Agent
SET a:RetiredAgent, a.retired_skills = a.skills, a.skills = [],
    a.retired_at = datetime(), a.retired_by = $command_id
RETURN agent, names
