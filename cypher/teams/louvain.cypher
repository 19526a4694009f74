// Find communities by Louvain. One thread: only then are they the same again.
// mode: read
// needs: gds
// seconds: 3600
// params: graph
// returns: modularity
CYPHER 5
CALL gds.louvain.mutate($graph, {
  mutateProperty: 'community', relationshipWeightProperty: 'weight', concurrency: 1
}) YIELD modularity
RETURN modularity
