// A skill is found by its case-folded name.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_skill_key IF NOT EXISTS
FOR (k:Skill) REQUIRE k.key IS UNIQUE
