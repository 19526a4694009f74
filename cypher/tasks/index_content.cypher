// Put new tasks into the full-text index, many at a time. Lucene makes ready for searching after each
// transaction that adds to it, so that creating tasks one by one would cost it several times what it
// costs the graph; so whoever searches first brings the index up to date.
// Locks: the tasks, ascending.
// mode: write
// params: limit
// returns: number
// seconds: 120
CYPHER 5
CALL () { MATCH (t:UnsearchableTask) RETURN t LIMIT $limit }
WITH t ORDER BY t.task_id
REMOVE t:UnsearchableTask
SET t:SearchableTask
RETURN count(t) AS number
