// Returns how many nodes there are to export, from the count store, and the time of the server in
// microseconds since 1970: tasks/row says why.
// mode: read
// seconds: 120
// returns: agents, skills, tasks, teams, taken_at
CYPHER 5
CALL () { MATCH (a:Agent) RETURN count(a) AS agents }
CALL () { MATCH (k:Skill) RETURN count(k) AS skills }
CALL () { MATCH (t:Task) RETURN count(t) AS tasks }
CALL () { MATCH (g:Team) RETURN count(g) AS teams }
WITH *, datetime.realtime() AS now
RETURN agents, skills, tasks, teams,
       now.epochSeconds * 1000000 + now.microsecond AS taken_at
