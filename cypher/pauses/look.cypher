// Looks at a pause that is due. While it lasts, ready tasks that it holds back are withheld from the
// queue, $limit of them: their ready_key becomes negative, so that claims need not pass them over;
// more may come, so the pause comes due again in $again_seconds. When it has ended, those are put
// back, and the pause is deleted when none is left. That a task is not given out does not hang on
// this: claims ask which pauses there are. `number`: how many tasks were withheld or put back.
// Locks: the pause, the tasks, ascending, then the lanes that it opens.
// mode: write
// seconds: 60
// params: $key: STRING, $limit: INTEGER, $again_seconds: FLOAT
// returns: number
CYPHER 5
MATCH (p:Pause {key: $key})
SET p.lk = 0
WITH p, datetime.realtime() AS now
WITH p, now, coalesce(p.until > now, true) AS lasts
CALL (p, lasts) {
  CALL (p, lasts) {
    WITH p WHERE lasts
    MATCH (t:Task) USING INDEX SEEK t:Task(ready_key)
    WHERE t.ready_key >= 0
      AND p.key IN ['task_type:' + t.task_type, 'workflow:' + coalesce(t.workflow_id, '')]
    RETURN t ORDER BY t.ready_key LIMIT $limit
    UNION ALL
    WITH p, lasts WHERE NOT lasts
    MATCH (t:Task) USING INDEX SEEK t:Task(ready_key)
    WHERE t.ready_key < 0
      AND p.key IN ['task_type:' + t.task_type, 'workflow:' + coalesce(t.workflow_id, '')]
      AND INCLUDE pauses/of_task = []
    RETURN t LIMIT $limit
  }
  RETURN collect(t.task_id) AS found
}
CALL (found, lasts) {
  UNWIND found AS id
  WITH id, lasts ORDER BY id
  MATCH (t:Task {task_id: id})
  SET t.lk = 0
  WITH id, lasts
  MATCH (t:Task {task_id: id}) WHERE t.status = 'pending' AND (t.ready_key >= 0) = lasts
  SET t.ready_key = -1 - t.ready_key
  WITH t WHERE t.ready_key >= 0
  MATCH (l:Lane {key: t.lane})
  INCLUDE tasks/open_lane
}
WITH p, now, lasts, size(found) AS number
FOREACH (_ IN CASE WHEN lasts OR number = $limit THEN [1] ELSE [] END |
  SET p.due_at = CASE
    WHEN p.key = 'queue' THEN p.until
    WHEN lasts AND p.until < now + duration('PT1S') * $again_seconds THEN p.until
    ELSE now + duration('PT1S') * $again_seconds END)
FOREACH (_ IN CASE WHEN lasts OR number = $limit THEN [] ELSE [1] END | DELETE p)
RETURN number
