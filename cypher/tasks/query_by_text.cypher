// Tasks whose content has every word asked for and that pass the other filters, oldest first.
// mode: read
// params: limit, cursor_at, cursor_id, created_from, created_before, statuses, agent_ids, task_types, priorities, requirements, finished_after, finished_before, words
// returns: task, dependencies
CYPHER 5
CALL () {
  CALL db.index.fulltext.queryNodes('graph_orch_task_content', $words) YIELD node AS t
  WHERE t.created_at >= $created_from AND t.created_at < $created_before
// include tasks/query_rest
    RETURN t ORDER BY t.created_at, t.task_id LIMIT $limit
}
RETURN
// include tasks/answer
ORDER BY t.created_at, t.task_id LIMIT $limit
