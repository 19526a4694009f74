// Returns what is counted of all agents, and how many of them have each skill. It reads all agents,
// by design.
// mode: read
// seconds: 120
// returns: skills, agents
CYPHER 5
CALL () {
  MATCH (k:Skill)
  WITH k, COUNT { (k)<-[:HAS_SKILL]-() } AS holders ORDER BY k.key
  WHERE holders > 0
  RETURN collect([k.name, holders]) AS skills
}
CALL () {
  MATCH (a:Agent)
  WITH a ORDER BY a.agent_id
  RETURN collect(a {.agent_id, .active_tasks, .max_concurrent_tasks, .success_rate}) AS agents
}
RETURN skills, agents
