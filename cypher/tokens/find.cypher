// Returns the token whose secret has this hash, while it counts: neither revoked nor expired.
// `unused` says whether it was last used more than a minute ago, or never.
// mode: read
// params: $hash: STRING
// returns: token, unused
CYPHER 5
MATCH (k:Token {hash: $hash})
WITH k, datetime.realtime() AS now
WHERE k.revoked_at IS NULL AND coalesce(k.expires_at > now, true)
RETURN INCLUDE tokens/row AS token,
       coalesce(k.last_used_at < now - duration('PT1M'), true) AS unused
