// A dead letter is found by its id, and a message becomes one of them at most.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_dead_letter_id IF NOT EXISTS
FOR (d:DeadLetter) REQUIRE d.letter_id IS UNIQUE
