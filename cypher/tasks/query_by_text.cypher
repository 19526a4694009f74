// Tasks whose content has every word asked for and that pass the other filters, oldest first.
// $words is in Lucene's language; the index cuts it as it cut the content. Content that is not in the
// form NFC has a copy that is, `words`, and is found by that: see tasks/index_content.
// mode: read
// params: limit, cursor_at, cursor_id, created_from, created_before, statuses, agent_ids, task_types, priorities, requirements, finished_after, finished_before, words
// returns: tasks, edges, left
CYPHER 5
CALL () {
  UNWIND ['content', 'words'] AS field
  CALL db.index.fulltext.queryNodes('graph_orch_task_words', field + ':(' + normalize($words) + ')') YIELD node AS t
  WITH field, t
  WHERE (field = 'words' OR t.words IS NULL)
    AND t.created_at >= $created_from AND t.created_at < $created_before
// include tasks/query_rest
    RETURN t ORDER BY t.created_at, t.task_id LIMIT $limit
}
WITH t ORDER BY t.created_at, t.task_id LIMIT $limit
WITH collect(t) AS answered
// include tasks/answers
RETURN tasks, edges, left
