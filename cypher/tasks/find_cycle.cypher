// Returns the shortest way from a task along what it waits for to another. No row means that there
// is none.
// mode: read
// params: $from_id: STRING, $to_id: STRING
// returns: path
CYPHER 5
MATCH (a:Task {task_id: $from_id})
MATCH (b:Task {task_id: $to_id})
MATCH p = shortestPath((a)-[:DEPENDS_ON|AWAITS*]->(b))
RETURN [t IN nodes(p) | t.task_id] AS path
