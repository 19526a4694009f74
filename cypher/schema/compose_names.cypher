// Brings the names of agents, limits and schedules into the one form that names have now, composed
// (NFC). Where both forms of a name are in use, the limits become one with the larger maximum, and
// anything else that has the other form stays as it is, and is not found by its name any more. Each
// is looked at after the one before it was changed, as one name may have several forms.
// mode: write
// seconds: 3600
CYPHER 5
CALL () {
  MATCH (a:Agent|RetiredAgent) WHERE a.agent_id <> normalize(a.agent_id)
  CALL (a) {
    WITH a, normalize(a.agent_id) AS name
    WHERE NOT EXISTS { (:Agent {agent_id: name}) }
      AND NOT EXISTS { (:RetiredAgent {agent_id: name}) }
    SET a.agent_id = name
  }
}
CALL () {
  MATCH (s:Schedule) WHERE s.name <> normalize(s.name)
  CALL (s) {
    WITH s, normalize(s.name) AS name WHERE NOT EXISTS { (:Schedule {name: name}) }
    SET s.name = name
  }
}
CALL () {
  MATCH (x:Limit) WHERE x.key <> normalize(x.key)
  CALL (x) {
    WITH x, normalize(x.key) AS key
    MERGE (o:Limit {key: key})
    ON CREATE SET o.max = x.max, o.active = 0
    SET o.max = CASE WHEN x.max > o.max THEN x.max ELSE o.max END, o.active = o.active + x.active
    WITH x, o
    CALL (x, o) {
      MATCH (l:Lane)-[old:LIMITED_BY]->(x)
      CREATE (l)-[:LIMITED_BY]->(o)
      DELETE old
    }
    DELETE x
  }
}
