// Count the members of every team. Each is locked first: who counts under the lock counts right.
// mode: write
// params: command_id
// returns: members
CYPHER 5
MATCH (g:Team)
WITH g ORDER BY g.team_id
SET g.lk = $command_id
WITH collect(g) AS teams
UNWIND teams AS g
WITH g, COUNT { (g)<-[:MEMBER_OF]-() } AS members
SET g.size = members
RETURN sum(members) AS members
