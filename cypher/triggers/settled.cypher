// Waits until nobody moves these triggers, and returns those that are where their rows say. What is read
// of them afterwards is whole: while a transaction commits, others see some of what it wrote before the
// rest. What moves later changes the turn.
// Locks: the triggers, ascending.
// mode: write
// params: $rows: LIST<MAP>
// returns: name
CYPHER 5
UNWIND $rows AS row
MATCH (s:Subscription {name: row.name})
SET s.lk = 0
WITH s, row WHERE s:Trigger AND s.turn = row.turn AND s.position = row.at
RETURN s.name AS name
