// Find communities by Leiden. One thread: only then does the seed give the same ones again.
// mode: read
// needs: gds
// seconds: 3600
// params: graph, resolution, seed
// returns: modularity
CYPHER 5
CALL gds.leiden.mutate($graph, {
  mutateProperty: 'community', relationshipWeightProperty: 'weight',
  gamma: $resolution, randomSeed: $seed, concurrency: 1
}) YIELD modularity
RETURN modularity
