// Finds communities by Leiden, in one thread: only then does the seed give the same communities
// again.
// mode: read
// seconds: 3600
// plugin: gds
// params: $graph: STRING, $resolution: FLOAT, $seed: INTEGER
// returns: modularity
CYPHER 5
CALL gds.leiden.mutate($graph, {
  mutateProperty: 'community', relationshipWeightProperty: 'weight',
  gamma: $resolution, randomSeed: $seed, concurrency: 1
}) YIELD modularity
RETURN modularity
