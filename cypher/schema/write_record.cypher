// Records the version of the schema, and lays the lane of the tasks that require nothing.
// mode: write
// params: $version: INTEGER, $empty_lane: STRING
// returns: version
CYPHER 5
MERGE (s:GraphOrchSchema {name: 'graph_orch'})
ON CREATE SET s.created_at = datetime()
SET s.version = $version, s.migrated_at = datetime()
MERGE (l:Lane {key: $empty_lane})
ON CREATE SET l.size = 0, l.skills = [], l.needs = [], l.rarest = ''
RETURN s.version AS version
