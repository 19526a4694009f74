// Returns the best ready tasks, whoever can do them. `due` says that the time of some tasks has
// come, and that these are to be looked at first.
// mode: read
// params: $task_types: LIST<STRING>, $limit: INTEGER
// returns: tasks, edges, left, due
CYPHER 5
INCLUDE tasks/is_due
INCLUDE pauses/paused
CALL (paused) {
  WITH paused WHERE NOT 'queue' IN paused
  MATCH (t:Task) USING INDEX SEEK t:Task(ready_key)
  WHERE t.ready_key >= 0 AND ($task_types IS NULL OR t.task_type IN $task_types)
    AND (paused = [] OR NOT ('task_type:' + t.task_type IN paused
      OR coalesce('workflow:' + t.workflow_id IN paused, false)))
  WITH t ORDER BY t.ready_key LIMIT $limit
  RETURN collect(t) AS answered
}
INCLUDE tasks/answers
RETURN tasks, edges, left, due
