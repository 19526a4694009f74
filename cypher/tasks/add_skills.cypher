// Makes sure that skills exist. They come in the order of their keys, in which everybody adds them.
// mode: write
// params: $skills: LIST<MAP>
CYPHER 5
UNWIND $skills AS skill
MERGE (k:Skill {key: skill.key})
ON CREATE SET k.name = skill.name
