// End memberships in the teams of other runs. Reads all teams, by design.
// mode: write
// seconds: 3600
// params: run_id, limit, command_id
// returns: left
CYPHER 5
MATCH (g:Team) WHERE g.run_id <> $run_id
MATCH (g)<-[m:MEMBER_OF]-(a)
WITH m, a ORDER BY a.agent_id LIMIT $limit
SET a.lk = $command_id
DELETE m
RETURN count(m) AS left
