// Returns how many of some procedures the server has.
// mode: read
// params: $procedures: LIST<STRING>
// returns: found
CYPHER 5
SHOW PROCEDURES YIELD name WHERE name IN $procedures
RETURN count(name) AS found
