// Says of a try of a task how good its work was: of the try $number, else of the last one that was
// completed. What was said of it before is replaced. Run again with the same $command_id, it changes
// nothing. No row means that there is no such try.
// Locks: the task.
// mode: write
// params: $task_id: STRING, $number: INTEGER, $score: FLOAT, $by: STRING, $comment: STRING,
//   $detail: STRING, $command_id: STRING
// returns: try
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = $command_id
WITH t
MATCH (t)-[r:ASSIGNED_TO]->(a)
WHERE r.ended_at IS NOT NULL AND CASE WHEN $number IS NULL THEN r.outcome = 'completed'
                                   ELSE r.attempt = $number END
WITH t, r, a ORDER BY r.attempt DESC LIMIT 1
CALL (t, r, a) {
  WITH t, r, a, datetime.realtime() AS now
  WHERE NOT EXISTS { (:TaskEvent {event_id: $command_id}) }
  SET r.score = $score, r.rated_by = $by, r.rated_at = now, r.comment = $comment,
      t.events = t.events + 1
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: $command_id, type: 'rated', at: now, attempt: r.attempt, seq: t.events,
    agent_id: a.agent_id, command_id: $command_id, detail: $detail
  })
}
RETURN INCLUDE tasks/try AS try
