// Returns what stands around some tasks: the gates at which they wait, or waited; the steps that their
// handlers have kept, in that order, without what they gave; and the key of the budget of their
// workflow. Tasks that have none of these are left out.
// mode: read
// seconds: 120
// params: $task_ids: LIST<STRING>
// returns: task_id, gates, steps, charges
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
WHERE t.charges IS NOT NULL OR EXISTS { (t)-[:WAITS_FOR]->(:Gate) }
   OR EXISTS { (t)-[:HAS_STEP]->(:Step) }
RETURN t.task_id AS task_id,
       COLLECT { MATCH (t)-[:WAITS_FOR]->(g:Gate) RETURN INCLUDE gates/row } AS gates,
       COLLECT {
         MATCH (t)-[:HAS_STEP]->(s:Step)
         WITH s ORDER BY s.at, s.key
         RETURN s {
           .key, .duration_ms, .attempt, at: s.at.epochSeconds * 1000000 + s.at.microsecond
         }
       } AS steps,
       t.charges AS charges
