// Returns a token. No row means that there is no such token.
// mode: read
// params: $token_id: STRING
// returns: token
CYPHER 5
MATCH (k:Token {token_id: $token_id})
RETURN INCLUDE tokens/row AS token
