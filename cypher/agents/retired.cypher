// The agent that this very command deregistered, as it was, where its answer was lost.
// mode: read
// params: agent_id, command_id
// returns: agent, names
CYPHER 5
MATCH (a:RetiredAgent {agent_id: $agent_id}) WHERE a.retired_by = $command_id
RETURN a {.*, skills: a.retired_skills} AS agent,
       COLLECT {
         MATCH (k:Skill) WHERE k.key IN a.retired_skills
         RETURN [k.key, k.name]
       } AS names
