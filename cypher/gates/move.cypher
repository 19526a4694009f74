// Lets the tasks that waited at a gate that was sent back wait at the one in its place, and for the
// copies of what is redone instead of what was done, after gates/send_back has locked them all. One
// whose handler asked begins from its start: it asks anew, about what it is given then.
// mode: write
// params: $gate_id: STRING, $new_gate_id: STRING, $task_ids: LIST<STRING>, $copies: LIST<MAP>,
//   $detail: STRING, $command_id: STRING
CYPHER 5
MATCH (g:Gate {gate_id: $gate_id})
OPTIONAL MATCH (h:Gate {gate_id: $new_gate_id})
CALL () {
  UNWIND $copies AS copy
  MATCH (p:Task {task_id: copy.old})
  MATCH (q:Task {task_id: copy.new})
  CREATE (q)-[:REDOES {gate_id: $gate_id}]->(p)
}
CALL (g, h) {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})-[w:WAITS_FOR]->(g)
  DELETE w
  WITH t, h
  FOREACH (_ IN CASE WHEN h IS NULL THEN [] ELSE [1] END | CREATE (t)-[:WAITS_FOR]->(h))
  WITH t, h
  CALL (t, h) {
    WITH t WHERE h IS NULL
    INCLUDE tasks/forget
  }
  CALL (t) {
    UNWIND $copies AS copy
    MATCH (p:Task {task_id: copy.old})
    MATCH (q:Task {task_id: copy.new})
    WITH t, p, q  // so that the edge is looked for between the two, and not among all of t
    MATCH (t)-[d:DEPENDS_ON]->(p)
    CREATE (t)-[e:DEPENDS_ON]->(q)
    SET e = properties(d)
    DELETE d
  }
  // It is to be independent of who did it first, and of who does it again.
  SET t.independent_of = t.independent_of
    + [copy IN $copies WHERE copy.old IN t.independent_of | copy.new]
  WITH t, datetime.realtime() AS now WHERE t.status = 'pending'
  REMOVE t:DelayedTask
  SET t.unmet = INCLUDE tasks/count_unmet
  SET t.events = t.events + 1
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: $command_id + ':' + t.task_id, type: 'dependency_added', at: now,
    attempt: t.attempt, seq: t.events, command_id: $command_id, detail: $detail
  })
  WITH t, now
  INCLUDE tasks/ready_again
}
