// Make sure that skills exist. They come sorted by key, the order in which everyone adds them.
// mode: write
// params: skills
CYPHER 5
UNWIND $skills AS skill
MERGE (k:Skill {key: skill.key})
ON CREATE SET k.name = skill.name
