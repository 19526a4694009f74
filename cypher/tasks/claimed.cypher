// What a claim was given, where its answer was lost.
// mode: read
// params: event_ids
// returns: task, dependencies
CYPHER 5
UNWIND range(0, size($event_ids) - 1) AS place
MATCH (t:Task)-[:HAS_EVENT]->(e:TaskEvent {event_id: $event_ids[place]})
WHERE t.attempt = e.attempt AND t.status IN ['assigned', 'running']
WITH t, place ORDER BY place
RETURN
// include tasks/answer
