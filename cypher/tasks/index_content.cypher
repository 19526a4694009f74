// Put new tasks into the full-text index, many at a time. Lucene makes ready for searching after each
// transaction that adds to it, so that creating tasks one by one would cost it several times what it
// costs the graph; so whoever searches first brings the index up to date.
// Content that is not composed (NFC) gets a copy that is, so that both are found by either.
// At most $characters of content go together, as the server holds them all in memory; one task at least.
// Locks: the tasks, ascending.
// mode: write
// params: limit, characters
// returns: number, more
// seconds: 120
CYPHER 5
CALL () { MATCH (t:UnsearchableTask) RETURN t LIMIT $limit }
WITH t ORDER BY t.task_id
WITH collect(t) AS found, collect(coalesce(size(t.content), 0)) AS sizes
WITH found, reduce(taken = {number: 0, left: $characters}, size IN sizes |
  CASE WHEN taken.number = 0 OR size <= taken.left
    THEN {number: taken.number + 1, left: taken.left - size}
    ELSE {number: taken.number, left: -1}
  END).number AS number
CALL (found, number) {
  UNWIND found[..number] AS t
  REMOVE t:UnsearchableTask
  SET t:SearchableTask,
      t.words = CASE WHEN normalize(t.content) <> t.content THEN normalize(t.content) END
}
RETURN number, size(found) = $limit OR size(found) > number AS more
