// There is one record of the schema.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_record_name IF NOT EXISTS
FOR (s:GraphOrchSchema) REQUIRE s.name IS UNIQUE
