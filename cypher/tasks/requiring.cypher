// Returns how many tasks require some skills, from what each skill counts of its edges.
// mode: read
// params: $requirements: LIST<STRING>
// returns: number
CYPHER 5
UNWIND $requirements AS key
MATCH (k:Skill {key: key})
RETURN sum(COUNT { (k)<-[:REQUIRES]-() }) AS number
