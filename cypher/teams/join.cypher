// Makes agents members of teams, and of no others. Agents that are not registered (any more) are
// left out, and where $by_hand is false, those of teams that somebody put by hand.
// Locks: the agents, in the order of the rows.
// mode: write
// seconds: 3600
// params: $rows: LIST<MAP>, $by_hand: BOOLEAN, $command_id: STRING
// returns: agent_id
CYPHER 5
UNWIND $rows AS row
MATCH (a:Agent {agent_id: row.agent_id})
SET a.lk = $command_id
WITH a, row WHERE a:Agent  // Read again: it may be deregistered by now.
  AND ($by_hand OR NOT EXISTS { MATCH (a)-[:MEMBER_OF]->(other) WHERE other.run_id IS NULL })
MATCH (g:Team {team_id: row.team_id}) WHERE $by_hand OR g.run_id IS NOT NULL
CALL (a, g) {
  MATCH (a)-[m:MEMBER_OF]->(other:Team) WHERE other <> g
  DELETE m
}
MERGE (a)-[m:MEMBER_OF]->(g)
SET m.leads = row.leads
SET a.terms = INCLUDE agents/terms
RETURN a.agent_id AS agent_id
