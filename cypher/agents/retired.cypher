// Returns the agent that this very command deregistered, as it was before. It is asked where the
// answer of that command was lost.
// mode: read
// params: $agent_id: STRING, $command_id: STRING
// returns: agent, names
CYPHER 5
MATCH (a:RetiredAgent {agent_id: $agent_id}) WHERE a.retired_by = $command_id
RETURN a {.*, skills: a.retired_skills} AS agent,
       COLLECT {
         MATCH (k:Skill) WHERE k.key IN a.retired_skills
         RETURN [k.key, k.name]
       } AS names
