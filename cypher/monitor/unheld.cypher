// Which of some skills nobody has.
// mode: read
// params: skills
// returns: key
CYPHER 5
UNWIND $skills AS key
WITH key WHERE NOT EXISTS { MATCH (:Skill {key: key})<-[:HAS_SKILL]-() }
RETURN key
