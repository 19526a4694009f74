// Deletes a trigger. No row means that there is none of that name.
// Locks: the subscription.
// mode: write
// params: $trigger: STRING
// returns: name
CYPHER 5
MATCH (s:Subscription {name: $trigger}) WHERE s:Trigger
WITH s, s.name AS name
DELETE s
RETURN name
