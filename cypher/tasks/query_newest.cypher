// Returns tasks that pass the filters, the newest first, along the index of the filter that $by names
// (status, type, workflow, agent), or of the creation of all; or all tasks that require a skill.
// mode: read
// params: $by: STRING, $limit: INTEGER, $cursor_at: ZONED DATETIME, $cursor_id: STRING,
//   $created_from: ZONED DATETIME, $created_before: ZONED DATETIME, $statuses: LIST<STRING>,
//   $agent_ids: LIST<STRING>, $task_types: LIST<STRING>, $priorities: LIST<STRING>,
//   $requirements: LIST<STRING>, $workflow_ids: LIST<STRING>, $finished_after: ZONED DATETIME,
//   $finished_before: ZONED DATETIME
// returns: tasks, edges, left
CYPHER 5
CALL () {
  UNWIND CASE $by WHEN 'all' THEN [1] ELSE [] END AS one
  CALL () {
    MATCH (t:Task) USING INDEX SEEK t:Task(created_at)
    WHERE INCLUDE tasks/query_older
    RETURN t ORDER BY t.created_at DESC, t.task_id DESC
    LIMIT $limit
  }
  RETURN t
  UNION ALL
  UNWIND CASE $by WHEN 'status' THEN $statuses ELSE [] END AS status
  CALL (status) {
    MATCH (t:Task) USING INDEX SEEK t:Task(status, created_at)
    WHERE t.status = status AND INCLUDE tasks/query_older
    RETURN t ORDER BY t.status DESC, t.created_at DESC, t.task_id DESC
    LIMIT $limit
  }
  RETURN t
  UNION ALL
  UNWIND CASE $by WHEN 'type' THEN $task_types ELSE [] END AS type
  CALL (type) {
    MATCH (t:Task) USING INDEX SEEK t:Task(task_type, created_at)
    WHERE t.task_type = type AND INCLUDE tasks/query_older
    RETURN t ORDER BY t.task_type DESC, t.created_at DESC, t.task_id DESC
    LIMIT $limit
  }
  RETURN t
  UNION ALL
  UNWIND CASE $by WHEN 'requirement' THEN [1] ELSE [] END AS one
  CALL () {
    UNWIND $requirements AS key
    MATCH (:Skill {key: key})<-[:REQUIRES]-(t:Task)
    WHERE INCLUDE tasks/query_older
    RETURN DISTINCT t ORDER BY t.created_at DESC, t.task_id DESC
    LIMIT $limit
  }
  RETURN t
  UNION ALL
  UNWIND CASE $by WHEN 'workflow' THEN $workflow_ids ELSE [] END AS workflow_id
  UNWIND coalesce($statuses,
    ['pending', 'assigned', 'running', 'completed', 'failed', 'cancelled']) AS status
  CALL (workflow_id, status) {
    MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
    WHERE t.workflow_id = workflow_id AND t.status = status AND INCLUDE tasks/query_older
    RETURN t ORDER BY t.workflow_id DESC, t.status DESC, t.created_at DESC, t.task_id DESC
    LIMIT $limit
  }
  RETURN t
  UNION ALL
  UNWIND CASE $by WHEN 'agent' THEN $agent_ids ELSE [] END AS agent_id
  UNWIND coalesce($statuses,
    ['assigned', 'running', 'completed', 'failed', 'cancelled']) AS status
  CALL (agent_id, status) {
    MATCH (t:Task) USING INDEX SEEK t:Task(assigned_to, status, created_at)
    WHERE t.assigned_to = agent_id AND t.status = status AND INCLUDE tasks/query_older
    RETURN t ORDER BY t.assigned_to DESC, t.status DESC, t.created_at DESC, t.task_id DESC
    LIMIT $limit
  }
  RETURN t
}
WITH t ORDER BY t.created_at DESC, t.task_id DESC LIMIT $limit
WITH collect(t) AS answered
INCLUDE tasks/answers
RETURN tasks, edges, left
