// Deletes a subscription.
// mode: write
// params: $subscription: STRING
// returns: name
CYPHER 5
MATCH (s:Subscription {name: $subscription})
WITH s, s.name AS name
DELETE s
RETURN name
