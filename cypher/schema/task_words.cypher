// The tasks that tasks/index_content has been through are found by the words of their content. The
// analyzer cuts text into words as Unicode says (UAX 29), and drops none of them.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE FULLTEXT INDEX graph_orch_task_words IF NOT EXISTS
FOR (t:SearchableTask) ON EACH [t.content, t.words]
OPTIONS {indexConfig: {`fulltext.analyzer`: 'standard-no-stop-words'}}
