// Asks for a dead letter to be tried again, or for all of an ingest, where $letter_id is null, whose
// bodies are kept.
// mode: write
// params: $letter_id: STRING, $ingest: STRING
// returns: number
CYPHER 5
MATCH (d:DeadLetter) USING INDEX SEEK d:DeadLetter(ingest)
WHERE d.ingest = $ingest AND d.body IS NOT NULL
  AND CASE WHEN $letter_id IS NULL THEN true ELSE d.letter_id = $letter_id END
SET d.retry_at = datetime.realtime()
RETURN count(d) AS number
