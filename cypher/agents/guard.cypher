// Marks a skill that exists as one that only an administrator teaches, or takes the mark away.
// Locks: the skill.
// mode: write
// params: $key: STRING, $guarded: BOOLEAN
CYPHER 5
MATCH (k:Skill {key: $key})
SET k.guarded = CASE WHEN $guarded THEN true END
