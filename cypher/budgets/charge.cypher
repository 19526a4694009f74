// Puts tasks of a workflow into lanes that its budget closes and opens. From then on it pays for them.
// Locks: the tasks, ascending; the lanes that it opens.
// mode: write
// params: $key: STRING, $rows: LIST<MAP>
// returns: number
CYPHER 5
UNWIND $rows AS row
MATCH (t:Task {task_id: row.task_id})
WITH row, t ORDER BY row.task_id
SET t.lk = 0
WITH row, t WHERE t.charges IS NULL AND t.lane = row.was
SET t.charges = $key, t.lane = row.lane,
    t.fallback_lane = CASE WHEN t.fallback_lane IS NOT NULL THEN row.fallback_lane END
WITH t
CALL (t) {
  MATCH (l:Lane {key: t.lane}) WHERE t.ready_key IS NOT NULL
  INCLUDE tasks/open_lane
}
RETURN count(t) AS number
