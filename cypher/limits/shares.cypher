// Returns the weights of fairness keys that are not 1, in the order of the keys.
// mode: read
// returns: key, weight
CYPHER 5
MATCH (x:Share) USING INDEX SEEK x:Share(key)
WHERE x.key > '' AND x.weight <> 1.0
RETURN x.key AS key, x.weight AS weight ORDER BY key
