// Returns tasks whose content has every word that was asked for, and that pass the other filters,
// the oldest first. $words is in the language of Lucene, whose index cuts it as it cut the content.
// Content that is not in the form NFC has a copy that is, `words`, and is found by that:
// tasks/index_content.
// mode: read
// params: $limit: INTEGER, $cursor_at: ZONED DATETIME, $cursor_id: STRING,
//   $created_from: ZONED DATETIME, $created_before: ZONED DATETIME, $statuses: LIST<STRING>,
//   $agent_ids: LIST<STRING>, $task_types: LIST<STRING>, $priorities: LIST<STRING>,
//   $requirements: LIST<STRING>, $workflow_ids: LIST<STRING>, $finished_after: ZONED DATETIME, $finished_before: ZONED DATETIME,
//   $words: STRING
// returns: tasks, edges, left
CYPHER 5
CALL () {
  UNWIND ['content', 'words'] AS field
  CALL db.index.fulltext.queryNodes(
    'graph_orch_task_words', field + ':(' + normalize($words) + ')'
  ) YIELD node AS t
  WITH field, t
  WHERE (field = 'words' OR t.words IS NULL)
    AND t.created_at >= $created_from AND t.created_at < $created_before
    AND INCLUDE tasks/query_rest
  RETURN t ORDER BY t.created_at, t.task_id LIMIT $limit
}
WITH t ORDER BY t.created_at, t.task_id LIMIT $limit
WITH collect(t) AS answered
INCLUDE tasks/answers
RETURN tasks, edges, left
