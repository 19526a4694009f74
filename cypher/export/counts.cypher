// How many nodes there are to export, from the count store, and what time it is there, in
// microseconds since 1970: see tasks/row.
// mode: read
// returns: agents, skills, tasks, teams, taken_at
// seconds: 120
CYPHER 5
CALL () { MATCH (a:Agent) RETURN count(a) AS agents }
CALL () { MATCH (k:Skill) RETURN count(k) AS skills }
CALL () { MATCH (t:Task) RETURN count(t) AS tasks }
CALL () { MATCH (g:Team) RETURN count(g) AS teams }
WITH *, datetime.realtime() AS now
RETURN agents, skills, tasks, teams,
       now.epochSeconds * 1000000 + now.microsecond AS taken_at
