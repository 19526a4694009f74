// Adds lanes. A lane is found by its team, or else by the rarest of its skills: the one that the fewest
// agents have, and among equals the one that the fewest lanes need; or by a label. A lane with a concurrency key is joined to the
// limit of that key, which is 1 until somebody sets it; one whose tasks a budget pays for, to that.
// mode: write
// params: $lanes: LIST<MAP>, $command_id: STRING
// returns: key
CYPHER 5
CALL () {
  // Tasks without a key are one share more, of which nobody knows before others have one.
  UNWIND $lanes AS lane
  UNWIND CASE WHEN lane.fairness_key IS NULL THEN [] ELSE ['', lane.fairness_key] END AS key
  WITH DISTINCT key ORDER BY key
  MERGE (x:Share {key: key})
  ON CREATE SET x.weight = 1.0, x.served = 0.0
}
UNWIND $lanes AS lane
MERGE (l:Lane {key: lane.key})
ON CREATE SET l.size = size(lane.skills), l.skills = lane.skills, l.added_by = $command_id,
              l.needs = lane.needs, l.team_id = lane.team_id, l.prefers = lane.prefers,
              l.weights = lane.weights, l.fairness_key = lane.fairness_key,
              l.concurrency_key = lane.concurrency_key, l.charges = lane.charges,
              l.least = lane.least
WITH l WHERE l.added_by = $command_id
CALL (l) {
  WITH l WHERE l.concurrency_key IS NOT NULL
  MERGE (x:Limit {key: l.concurrency_key})
  ON CREATE SET x.max = 1, x.active = 0, x.unset = true
  CREATE (l)-[:LIMITED_BY]->(x)
}
CALL (l) { MATCH (b:Budget {key: l.charges}) CREATE (l)-[:CHARGES]->(b) }
CALL (l) {
  UNWIND l.skills AS key
  MATCH (k:Skill {key: key})
  CREATE (l)-[:NEEDS]->(k)
  WITH k ORDER BY COUNT { (k)<-[:HAS_SKILL]-() }, COUNT { (k)<-[:NEEDS]-() }
  RETURN collect(k.key)[0] AS rarest
}
SET l.rarest = CASE
  WHEN l.team_id IS NOT NULL THEN head([key IN l.needs WHERE NOT key IN l.skills])
  ELSE coalesce(rarest, head(l.needs), '') END
RETURN l.key AS key
