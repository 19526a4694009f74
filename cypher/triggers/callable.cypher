// Returns which of these functions a firing is to call now, that may be taken (triggers/take).
// mode: read
// params: $functions: LIST<STRING>, $most: INTEGER
// returns: function
CYPHER 5
WITH datetime.realtime() AS now
UNWIND $functions AS function
WITH function, now WHERE EXISTS {
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(function, due_at)
  WHERE f.function = function AND f.due_at <= now
    AND CASE WHEN f.taken_by IS NULL THEN true ELSE f.tries < $most END  // OR is planned as a union
}
RETURN function
