// Drops the index that graph_orch_task_words has replaced.
// mode: schema
// seconds: 3600
CYPHER 5
DROP INDEX graph_orch_task_content IF EXISTS
