// What a trigger keeps of a group of events is found by the values of the group.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_trigger_group_key IF NOT EXISTS
FOR (k:TriggerGroup) REQUIRE k.key IS UNIQUE
