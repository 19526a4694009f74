// Lets a token count no more. One that was revoked before keeps the time at which it was.
// Locks: the token.
// mode: write
// params: $token_id: STRING
// returns: token
CYPHER 5
MATCH (k:Token {token_id: $token_id})
SET k.revoked_at = coalesce(k.revoked_at, datetime.realtime())
WITH k
RETURN INCLUDE tokens/row AS token
