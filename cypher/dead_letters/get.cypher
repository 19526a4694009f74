// Returns a dead letter with its body. No row means that there is none of this id.
// mode: read
// params: $letter_id: STRING
// returns: letter
CYPHER 5
MATCH (d:DeadLetter {letter_id: $letter_id})
RETURN properties(d) AS letter
