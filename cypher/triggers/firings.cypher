// Returns the firings of a trigger, the newest first.
// mode: read
// params: $trigger: STRING, $limit: INTEGER
// returns: firing
CYPHER 5
MATCH (f:Firing) USING INDEX SEEK f:Firing(trigger, at)
WHERE f.trigger = $trigger AND f.at IS NOT NULL
RETURN INCLUDE triggers/firing_row AS firing ORDER BY f.trigger DESC, f.at DESC, f.position DESC LIMIT $limit
