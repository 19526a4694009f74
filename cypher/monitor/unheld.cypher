// Returns those of some skills that nobody has.
// mode: read
// params: $skills: LIST<STRING>
// returns: key
CYPHER 5
UNWIND $skills AS key
WITH key WHERE NOT EXISTS { MATCH (:Skill {key: key})<-[:HAS_SKILL]-() }
RETURN key
