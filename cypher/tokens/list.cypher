// Returns the tokens, newest first, those included that count no more.
// mode: read
// params: $limit: INTEGER
// returns: token
CYPHER 5
MATCH (k:Token)
WITH k ORDER BY k.created_at DESC, k.token_id LIMIT $limit
RETURN INCLUDE tokens/row AS token
