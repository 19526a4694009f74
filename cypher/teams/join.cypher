// Makes agents members of teams, and of no others. Agents that are not registered (any more) are
// left out.
// Locks: the agents, in the order of the rows.
// mode: write
// seconds: 3600
// params: $rows: LIST<MAP>, $command_id: STRING
// returns: agent_id
CYPHER 5
UNWIND $rows AS row
MATCH (a:Agent {agent_id: row.agent_id})
SET a.lk = $command_id
WITH a, row.team_id AS team_id WHERE a:Agent  // Read again: it may be deregistered by now.
MATCH (g:Team {team_id: team_id})
CALL (a, g) {
  MATCH (a)-[m:MEMBER_OF]->(other:Team) WHERE other <> g
  DELETE m
}
MERGE (a)-[:MEMBER_OF]->(g)
RETURN a.agent_id AS agent_id
