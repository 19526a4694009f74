// Returns a row where there is who may own a budget, and none else.
// mode: read
// params: $kind: STRING, $id: STRING
// returns: id
CYPHER 5
INCLUDE budgets/owner
RETURN $id AS id
