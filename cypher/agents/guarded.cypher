// Returns the skills that only an administrator teaches, in the order of their keys.
// mode: read
// returns: key, name
CYPHER 5
MATCH (k:Skill) USING INDEX SEEK k:Skill(guarded) WHERE k.guarded = true
RETURN k.key AS key, k.name AS name ORDER BY key
