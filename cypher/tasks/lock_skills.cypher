// Make sure that skills exist, and lock them: whoever adds a lane or changes an agent's skills
// holds the skills concerned, so that SERVES can be derived from what both have committed.
// The skills come sorted by key, the order in which everyone locks them.
// mode: write
// params: skills, command_id
CYPHER 5
UNWIND $skills AS skill
MERGE (k:Skill {key: skill.key})
ON CREATE SET k.name = skill.name
SET k.lk = $command_id
