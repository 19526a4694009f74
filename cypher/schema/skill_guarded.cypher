// The skills that only an administrator teaches.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_skill_guarded IF NOT EXISTS
FOR (k:Skill) ON (k.guarded)
