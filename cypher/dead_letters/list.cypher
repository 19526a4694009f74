// Returns dead letters, those first that were kept first: of one ingest, or of all.
// mode: read
// params: $ingest: STRING, $limit: INTEGER
// returns: letter
CYPHER 5
MATCH (d:DeadLetter) USING INDEX SEEK d:DeadLetter(letter_id)
WHERE d.letter_id >= '' AND CASE WHEN $ingest IS NULL THEN true ELSE d.ingest = $ingest END
WITH d ORDER BY d.kept_at, d.letter_id LIMIT $limit
RETURN INCLUDE dead_letters/row AS letter
