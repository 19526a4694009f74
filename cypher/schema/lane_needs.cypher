// Says of lanes from before what they need: their skills.
// mode: write
// seconds: 120
// returns: number
CYPHER 5
MATCH (l:Lane) WHERE l.needs IS NULL
SET l.needs = l.skills
RETURN count(l) AS number
