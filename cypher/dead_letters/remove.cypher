// Deletes a dead letter.
// mode: write
// params: $letter_id: STRING
// returns: letter_id
CYPHER 5
MATCH (d:DeadLetter {letter_id: $letter_id})
WITH d, d.letter_id AS letter_id
DELETE d
RETURN letter_id
