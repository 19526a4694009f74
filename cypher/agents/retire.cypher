// Deregisters an agent that holds nothing. It loses its skills and its team, and keeps its history.
// Locks: the agent, which the caller has locked, then its team.
// mode: write
// params: $agent_id: STRING, $command_id: STRING
// returns: agent, names
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
WITH a, INCLUDE agents/answer
CALL (a) { MATCH (a)-[e:HAS_SKILL]->() DELETE e }
CALL (a) {
  MATCH (a)-[m:MEMBER_OF]->(g:Team)
  SET g.lk = $command_id  // Only a count under the lock is right.
  DELETE m
  WITH DISTINCT g
  SET g.size = COUNT { (g)<-[:MEMBER_OF]-() }
}
REMOVE a:Agent, a.terms
SET a:RetiredAgent, a.retired_skills = a.skills, a.skills = [],
    a.retired_at = datetime(), a.retired_by = $command_id
RETURN agent, names
