// Returns what says which tasks lie between those that are redone and a gate: `direct` are the
// completed tasks on which those depend that wait at it, `up` is what these depend on, through any
// others, and `down` the completed ones that depend on them, or on $task_id alone; of each $most at
// most.
// mode: read
// seconds: 60
// params: $gate_id: STRING, $task_id: STRING, $most: INTEGER
// returns: direct, up, down
CYPHER 5
CALL () {
  MATCH (:Gate {gate_id: $gate_id})<-[:WAITS_FOR]-(t:Task)-[:DEPENDS_ON]->(d:Task)
  WHERE t.status = 'pending' AND d.status = 'completed'
  WITH DISTINCT d LIMIT $most
  RETURN collect(d) AS direct
}
CALL (direct) {
  UNWIND direct AS d
  MATCH (d)-[:DEPENDS_ON*1..]->(x:Task)
  WITH DISTINCT x LIMIT $most
  RETURN collect(x.task_id) AS up
}
CALL (direct) {
  WITH CASE WHEN $task_id IS NULL THEN direct
         ELSE COLLECT { MATCH (d:Task {task_id: $task_id}) RETURN d } END AS redone
  UNWIND redone AS d
  MATCH (d)<-[:DEPENDS_ON*1..]-(x:Task)
  WITH DISTINCT x WHERE x.status = 'completed'
  WITH x LIMIT $most
  RETURN collect(x.task_id) AS down
}
RETURN [d IN direct | d.task_id] AS direct, up, down
