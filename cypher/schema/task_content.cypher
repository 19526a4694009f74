// Whole words of the content, of the tasks that have been indexed: see tasks/index_content.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE FULLTEXT INDEX graph_orch_task_content IF NOT EXISTS
FOR (t:SearchableTask) ON EACH [t.content]
OPTIONS {indexConfig: {`fulltext.analyzer`: 'standard-no-stop-words'}}
