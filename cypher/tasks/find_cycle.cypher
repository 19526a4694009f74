// The shortest way from a task along its dependencies to another. No row: there is none.
// mode: read
// params: from_id, to_id
// returns: path
CYPHER 5
MATCH (a:Task {task_id: $from_id})
MATCH (b:Task {task_id: $to_id})
MATCH p = shortestPath((a)-[:DEPENDS_ON*]->(b))
RETURN [t IN nodes(p) | t.task_id] AS path
