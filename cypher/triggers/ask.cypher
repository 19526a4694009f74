// Returns the triggers on recommendations whose time to ask has come, and sets the next.
// Locks: the triggers, ascending.
// mode: write
// params: $limit: INTEGER
// returns: name, pattern, generation, position, present
CYPHER 5
CALL () {
  MATCH (s:Trigger) USING INDEX SEEK s:Trigger(next_at)
  WHERE s.next_at <= datetime()
  WITH s ORDER BY s.name LIMIT $limit
  RETURN collect(s) AS found
}
UNWIND found AS s
SET s.lk = 0
WITH s WHERE s.next_at <= datetime()
SET s.next_at = datetime() + duration('PT1S') * s.every_seconds
RETURN s.name AS name, s.pattern AS pattern, s.generation AS generation, s.position AS position,
       coalesce(s.present, []) AS present
