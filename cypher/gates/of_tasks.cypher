// Returns the open gates at which pending tasks wait, $each of a task and $limit pairs at most: of each
// task that which was opened first comes first. `only`: the task has never waited at another.
// mode: read
// params: $ids: LIST<STRING>, $each: INTEGER, $limit: INTEGER
// returns: task_id, gate, task_ids, waiting, only
CYPHER 5
UNWIND $ids AS id
MATCH (t:Task {task_id: id})-[:WAITS_FOR]->(g:Gate)
WHERE t.status = 'pending' AND g.status = 'open'
WITH t, g ORDER BY t.task_id, g.created_at, g.gate_id
WITH t, collect(g)[..$each] AS gates
UNWIND gates AS g
WITH t, g LIMIT $limit
RETURN t.task_id AS task_id, INCLUDE gates/row AS gate, [t.task_id] AS task_ids, 1 AS waiting,
       COUNT { (t)-[:WAITS_FOR]->() } = 1 AND NOT EXISTS { (g)-[:REOPENS]->() } AS only
