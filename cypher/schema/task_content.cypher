// Whole words of the content. Filled in the background, so that creating tasks does not wait for
// Lucene; the query that reads it waits for the refresh first.
// mode: schema
CYPHER 5
CREATE FULLTEXT INDEX graph_orch_task_content IF NOT EXISTS
FOR (t:Task) ON EACH [t.content]
OPTIONS {indexConfig: {`fulltext.analyzer`: 'standard-no-stop-words', `fulltext.eventually_consistent`: true}}
