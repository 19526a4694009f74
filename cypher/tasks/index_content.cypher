// Puts new tasks into the full-text index, many at a time. Lucene makes ready for searching after
// each transaction that adds to it, so that creating tasks one by one would cost it several times
// what it costs the graph; so the first who searches brings the index up to date. Content that is
// not composed (NFC) gets a copy that is, so that either form finds both. At most $characters of
// content go together, as the server holds them all in memory, but always one task.
// Locks: the tasks, ascending.
// mode: write
// seconds: 120
// params: $limit: INTEGER, $characters: INTEGER
// returns: number, more
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
