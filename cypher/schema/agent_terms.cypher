// Says of agents that were in teams before what they meet as their members.
// mode: write
// seconds: 120
// returns: number
CYPHER 5
MATCH (a:Agent)-[:MEMBER_OF]->(:Team) WHERE a.terms IS NULL
WITH DISTINCT a
SET a.terms = INCLUDE agents/terms
RETURN count(a) AS number
