// Keeps the key that signs links to gates, once, or with $replace in the place of the one before.
// Locks: the secret.
// mode: write
// params: $key: STRING, $replace: BOOLEAN
// returns: key, now
CYPHER 5
MERGE (s:Secret {name: 'gate links'})
ON CREATE SET s.value = $key, s.created_at = datetime.realtime()
FOREACH (_ IN CASE WHEN $replace THEN [1] ELSE [] END |
  SET s.value = $key, s.created_at = datetime.realtime())
RETURN s.value AS key, datetime.realtime().epochSeconds AS now
