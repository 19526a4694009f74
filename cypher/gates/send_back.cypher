// open -> sent_back, by somebody who may decide it; and a new gate with the same question opens in
// its place, but for one that a handler asked: that asks anew. Returns the tasks that wait at it
// (`number` in all), and the completed ones among those that they depend on, of which $task_id is one
// or all are meant, and $also, without the names that their copies will have. `judged` is how many
// these are, `edges` how many dependencies lead to them, and `letters` what they hold: counted up to
// 100,000, and without their contents where there are more than $most. Where one of these is above its
// limit, nothing is redone, nor locked: the caller undoes the rest. No row means that this was refused.
// Locks: the gate, then the tasks that wait, then those that are redone; each kind ascending.
// mode: write
// params: $gate_id: STRING, $new_gate_id: STRING, $by: STRING, $comment: STRING, $task_id: STRING,
//   $also: LIST<STRING>, $limit: INTEGER, $most: INTEGER, $most_edges: INTEGER, $most_letters: INTEGER,
//   $command_id: STRING
// returns: waiting, number, judged, edges, letters, redone
CYPHER 5
MATCH (g:Gate {gate_id: $gate_id})
SET g.lk = $command_id  // lock, then read
WITH g, datetime.realtime() AS now
WHERE g.status = 'open' AND coalesce(g.expires_at > now, true)
  AND (size(g.approvers) = 0 OR $by IN g.approvers)
CALL (g, now) {
  WITH g, now WHERE g.asked IS NULL
  CREATE (h:Gate)-[:REOPENS]->(g)
  SET h = g {.*, gate_id: $new_gate_id, created_at: now}
  WITH g, h, now + duration.between(g.created_at, g.expires_at) AS expires_at
  SET g.reopened_as = h.gate_id, h.expires_at = expires_at, h.due_at = expires_at
  FOREACH (_ IN CASE WHEN expires_at IS NULL THEN [] ELSE [1] END | SET h:Due)
}
REMOVE g:Due, g.due_at
SET g.status = 'sent_back', g.decided_by = $by, g.decided_at = now, g.comment = $comment
WITH g
CALL (g) {
  MATCH (g)<-[:WAITS_FOR]-(t:Task)
  WITH t ORDER BY t.task_id LIMIT $limit
  SET t.lk = $command_id
  RETURN collect(t) AS waits
}
WITH waits, COUNT { (g)<-[:WAITS_FOR]-() } AS number
CALL (waits) {
  UNWIND waits AS t
  WITH t WHERE t.status = 'pending'
  CALL (t) {
    WITH t WHERE $task_id IS NULL
    MATCH (t)-[:DEPENDS_ON]->(p:Task) WHERE p.status = 'completed'
    RETURN p
    UNION ALL
    WITH t WHERE $task_id IS NOT NULL
    MATCH (p:Task {task_id: $task_id}) WHERE p.status = 'completed'
    WITH t, p  // so that the edge is looked for between the two, and not among all of t
    MATCH (t)-[:DEPENDS_ON]->(p)
    RETURN p
  }
  WITH p LIMIT 100000
  RETURN count(p) AS edges, collect(DISTINCT p) AS meant
}
CALL (meant) {
  WITH meant WHERE 0 < size(meant) <= $most
  UNWIND $also AS id
  MATCH (p:Task {task_id: id}) WHERE NOT p IN meant
  RETURN collect(p) AS between
}
WITH waits, number, edges, meant + between AS found
WITH waits, number, edges, size(found) AS judged,
     CASE WHEN size(found) <= $most AND edges <= $most_edges THEN found ELSE [] END AS found
WITH waits, number, edges, judged, found,
     reduce(n = 0, p IN found | n + size(p.content) + size(coalesce(p.metadata, ''))) AS letters
CALL (found, letters) {
  UNWIND CASE WHEN letters <= $most_letters THEN found ELSE [] END AS p
  WITH p ORDER BY p.task_id
  SET p.lk = $command_id
  WITH p AS t WHERE p.status = 'completed'
  WITH t, INCLUDE tasks/row AS task,
       [(t)-[d:DEPENDS_ON]->(x:Task) | [d.ordinal, x.task_id]] AS dependencies
  SET t.name = null
  RETURN collect({task: task, dependencies: dependencies}) AS redone
}
RETURN [t IN waits | t.task_id] AS waiting, number, judged, edges, letters, redone
