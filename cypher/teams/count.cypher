// Counts the members of every team. Each team is locked first, since only a count under the lock is
// right.
// Locks: the teams, ascending.
// mode: write
// params: $command_id: STRING
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
