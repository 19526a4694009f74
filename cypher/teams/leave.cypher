// Ends memberships in the teams of other runs. It reads all teams, by design.
// Locks: the agents, ascending.
// mode: write
// seconds: 3600
// params: $run_id: STRING, $limit: INTEGER, $command_id: STRING
// returns: left
CYPHER 5
MATCH (g:Team) WHERE g.run_id <> $run_id
MATCH (g)<-[m:MEMBER_OF]-(a)
WITH m, a ORDER BY a.agent_id LIMIT $limit
SET a.lk = $command_id
DELETE m
RETURN count(m) AS left
