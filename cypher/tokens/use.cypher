// Notes that a token is used.
// Locks: the token.
// mode: write
// params: $token_id: STRING
CYPHER 5
MATCH (k:Token {token_id: $token_id})
SET k.last_used_at = datetime.realtime()
