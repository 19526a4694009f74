// Returns how many tokens there are, those included that count no more. The count store knows.
// mode: read
// returns: number
CYPHER 5
MATCH (k:Token)
RETURN count(k) AS number
