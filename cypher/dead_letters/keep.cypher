// Keeps a message that could not be used, or says of one that is kept why it could not be used again.
// `kept` is how many its ingest has; where that is $most, a new one is not kept (`letter` is null).
// mode: write
// params: $letter_id: STRING, $letter: MAP, $ingest: STRING, $reason: STRING, $most: INTEGER
// returns: letter, kept
CYPHER 5
CALL () {
  MATCH (d:DeadLetter) USING INDEX SEEK d:DeadLetter(ingest)
  WHERE d.ingest = $ingest
  RETURN count(d) AS kept
}
CALL (kept) {
  WITH kept WHERE kept < $most OR EXISTS { (:DeadLetter {letter_id: $letter_id}) }
  MERGE (d:DeadLetter {letter_id: $letter_id})
  ON CREATE SET d += $letter, d.ingest = $ingest, d.kept_at = datetime.realtime(), d.tries = 0
  SET d.reason = $reason, d.tries = d.tries + 1
  REMOVE d.retry_at
  RETURN collect(INCLUDE dead_letters/row) AS letters
}
RETURN head(letters) AS letter, kept
