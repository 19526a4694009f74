// Composes the names of the next tasks by id (NFC), and moves the tasks of some lanes ($lanes: key
// -> the key of the lane that it has become), with the skills that they require ($keys: old key ->
// key). `last` is the id to go on from, null at the end.
// Locks: the tasks that change, ascending.
// mode: write
// seconds: 120
// params: $after: STRING, $limit: INTEGER, $lanes: MAP, $keys: MAP
// returns: last
CYPHER 5
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(task_id)
  WHERE t.task_id > $after
  RETURN t ORDER BY t.task_id LIMIT $limit
}
WITH t, t.task_id AS task_id ORDER BY task_id
CALL (t) {
  WITH t, $lanes[t.lane] AS lane WHERE lane IS NOT NULL
  SET t.lane = lane
  WITH t, lane
  CALL (lane) {
    MATCH (l:Lane {key: lane})
    INCLUDE tasks/open_lane
  }
  CALL (t) {
    MATCH (t)-[old:REQUIRES]->(k:Skill) WHERE $keys[k.key] IS NOT NULL
    MATCH (n:Skill {key: $keys[k.key]})
    MERGE (t)-[:REQUIRES]->(n)
    DELETE old
  }
}
CALL (t) {
  WITH t WHERE t.task_type <> normalize(t.task_type)
  SET t.task_type = normalize(t.task_type)
}
CALL (t) {
  WITH t, normalize(t.concurrency_key) AS key WHERE key <> t.concurrency_key
  SET t.concurrency_key = key
}
CALL (t) {
  WITH t, normalize(t.assigned_to) AS name WHERE name <> t.assigned_to
    AND NOT EXISTS { (:Agent {agent_id: t.assigned_to}) }
    AND NOT EXISTS { (:RetiredAgent {agent_id: t.assigned_to}) }
  SET t.assigned_to = name
}
CALL (t) {
  WITH t, normalize(t.idempotency_key) AS key WHERE key <> t.idempotency_key
    AND NOT EXISTS { (:Task {idempotency_key: key}) }
  SET t.idempotency_key = key
}
CALL (t) {
  WITH t WHERE any(name IN t.requirements WHERE name <> normalize(name))
  SET t.requirements = reduce(all = [], name IN [one IN t.requirements | normalize(one)] |
    CASE WHEN name IN all THEN all ELSE all + name END)
}
CALL (t) {
  WITH t WHERE any(name IN t.excluded_agents WHERE name <> normalize(name))
  SET t.excluded_agents = [name IN t.excluded_agents | normalize(name)]
}
CALL (t) {
  WITH t WHERE t:SearchableTask AND t.words IS NULL AND t.content <> normalize(t.content)
  SET t.words = normalize(t.content)
}
RETURN max(task_id) AS last
