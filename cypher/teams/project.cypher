// Projects the agents that share skills, for Graph Data Science, to the very graph that
// analysis.shared_skills makes. Each skill is worth 1 / (holders - 1) to a pair that shares it, in
// whole numbers, so that the order in which these are summed does not matter. Each agent keeps the
// $neighbours that it shares most with. A skill that more than $holders have joins all of them only
// to the first $holders of them, of whom `last` has the highest id. Agents are projected in the
// order of their ids, since the communities that Louvain finds depend on an order. A statement that
// runs again drops what it projected before.
// mode: read
// seconds: 3600
// plugin: gds
// params: $graph: STRING, $neighbours: INTEGER, $holders: INTEGER, $unit: INTEGER
// returns: nodes, relationships
CYPHER 5
CALL () {
  CALL gds.graph.drop($graph, false) YIELD graphName
  RETURN count(graphName) AS dropped
}
CALL () {
  MATCH (k:Skill) WHERE COUNT { (k)<-[:HAS_SKILL]-() } > $holders
  CALL (k) {
    MATCH (k)<-[:HAS_SKILL]-(a)
    WITH a ORDER BY a.agent_id LIMIT $holders
    RETURN collect(a) AS first, max(a.agent_id) AS last
  }
  RETURN collect({skill: k, first: first, last: last}) AS wides
}
MATCH (a:Agent)
WITH a, wides ORDER BY a.agent_id
CALL (a, wides) {
  MATCH (a)-[:HAS_SKILL]->(k:Skill)
  WITH a, k, COUNT { (k)<-[:HAS_SKILL]-() } AS holders, head([w IN wides WHERE w.skill = k]) AS wide
  WHERE holders > 1
  CALL (a, k, wide) {
    WITH * WHERE wide IS NULL OR a.agent_id <= wide.last
    MATCH (k)<-[:HAS_SKILL]-(b)
    RETURN b
    UNION ALL
    WITH * WHERE a.agent_id > wide.last
    UNWIND wide.first AS b
    RETURN b
  }
  WITH a, b, holders WHERE a <> b
  WITH b, sum($unit / (holders - 1)) AS shared ORDER BY shared DESC, b.agent_id LIMIT $neighbours
  RETURN collect([b, shared]) AS nearest
}
CALL (a, nearest) {
  UNWIND nearest AS near
  WITH a, near[0] AS b, near[1] AS shared
  RETURN CASE WHEN a.agent_id < b.agent_id THEN a ELSE b END AS source,
         CASE WHEN a.agent_id < b.agent_id THEN b ELSE a END AS target,
         shared
  UNION ALL
  RETURN a AS source, null AS target, null AS shared  // An agent that shares nothing is there too.
}
WITH DISTINCT source, target, shared
WITH gds.graph.project($graph, source, target,
  {relationshipProperties: {weight: coalesce(shared, 0) / toFloat($unit)}},
  {undirectedRelationshipTypes: ['*']}) AS projected
RETURN projected.nodeCount AS nodes, projected.relationshipCount AS relationships
