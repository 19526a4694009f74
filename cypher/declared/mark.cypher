// Says that schedules, and subscriptions (triggers too), were put for a set.
// mode: write
// params: $subscriptions: LIST<STRING>, $schedules: LIST<STRING>, $set_name: STRING
// returns: number
CYPHER 5
CALL () {
  UNWIND $subscriptions AS name
  MATCH (s:Subscription {name: name})
  SET s.declared_by = $set_name
  RETURN count(*) AS some
}
CALL () {
  UNWIND $schedules AS name
  MATCH (s:Schedule {name: name})
  SET s.declared_by = $set_name
  RETURN count(*) AS others
}
RETURN some + others AS number
