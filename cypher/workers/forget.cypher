// Forgets the workers that have not been seen for a day.
// mode: write
// returns: forgotten
CYPHER 5
MATCH (w:Worker) WHERE w.last_seen_at < datetime() - duration('P1D')
DETACH DELETE w
RETURN count(*) AS forgotten
