// Returns what is paused, by key.
// mode: read
// returns: pause
CYPHER 5
CALL () {
  MATCH (p:Pause) USING INDEX SEEK p:Pause(key)
  WHERE p.key >= '' AND coalesce(p.until > datetime.realtime(), true)
  RETURN INCLUDE pauses/row AS pause
  UNION ALL
  MATCH (a:Agent)
  WHERE a.paused_at IS NOT NULL AND coalesce(a.paused_until > datetime.realtime(), true)
  RETURN INCLUDE pauses/of_agent AS pause
}
RETURN pause ORDER BY pause.key
