// Returns what triggers keep of the events of some groups. Times are microseconds since 1970.
// mode: read
// params: $keys: LIST<STRING>
// returns: key, values, position, event_id, times, due
CYPHER 5
UNWIND $keys AS key
MATCH (k:TriggerGroup {key: key})
RETURN INCLUDE triggers/group_row
