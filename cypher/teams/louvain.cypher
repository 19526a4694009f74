// Finds communities by Louvain, in one thread: only then are the communities the same again.
// mode: read
// seconds: 3600
// plugin: gds
// params: $graph: STRING
// returns: modularity
CYPHER 5
CALL gds.louvain.mutate($graph, {
  mutateProperty: 'community', relationshipWeightProperty: 'weight', concurrency: 1
}) YIELD modularity
RETURN modularity
