// The index that was before graph_orch_task_words.
// mode: schema
// seconds: 3600
CYPHER 5
DROP INDEX graph_orch_task_content IF EXISTS
