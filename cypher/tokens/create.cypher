// Creates a token. A token_id that exists fails on its constraint.
// mode: write
// params: $token: MAP, $expires_seconds: FLOAT
// returns: token
CYPHER 5
CREATE (k:Token)
SET k = $token, k.created_at = datetime.realtime()
WITH k, k.created_at + duration('PT1S') * $expires_seconds AS expires_at
SET k.expires_at = expires_at
RETURN INCLUDE tokens/row AS token
