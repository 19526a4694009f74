// Returns how many tasks require some skills, from what each skill counts of its edges, and how many
// tasks there are, which the store keeps.
// mode: read
// params: $requirements: LIST<STRING>
// returns: number, total
CYPHER 5
CALL () {
  UNWIND $requirements AS key
  MATCH (k:Skill {key: key})
  RETURN sum(COUNT { (k)<-[:REQUIRES]-() }) AS number
}
CALL () {
  MATCH (t:Task)
  RETURN count(t) AS total
}
RETURN number, total
