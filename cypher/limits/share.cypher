// Sets the weight of a fairness key.
// Locks: the share.
// mode: write
// params: $key: STRING, $weight: FLOAT
CYPHER 5
MERGE (x:Share {key: $key})
ON CREATE SET x.served = 0.0
SET x.weight = $weight
