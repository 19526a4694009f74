// Gives the skills that deregistered agents had the keys that these skills have now ($keys: old key
// -> key).
// mode: write
// seconds: 3600
// params: $keys: MAP
CYPHER 5
MATCH (a:RetiredAgent) WHERE any(key IN a.retired_skills WHERE $keys[key] IS NOT NULL)
SET a.retired_skills = reduce(
  all = [], key IN [one IN a.retired_skills | coalesce($keys[one], one)] |
  CASE WHEN key IN all THEN all ELSE all + key END)
