// The skills that deregistered agents had, by the keys that these have become ($keys: old key -> key).
// mode: write
// seconds: 3600
// params: keys
CYPHER 5
MATCH (a:RetiredAgent) WHERE any(key IN a.retired_skills WHERE $keys[key] IS NOT NULL)
SET a.retired_skills = reduce(all = [], key IN [one IN a.retired_skills | coalesce($keys[one], one)] |
  CASE WHEN key IN all THEN all ELSE all + key END)
